/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local way in: a socket beside the statistics page, PATH.ctl, on which the daemon takes orders
 * of the machine's administrator and of its own user, and of nobody else. One record is the order,
 * one the answer. `jkpylond --ack` and `rtstat --reset` are the clients.
 */
#ifndef JKP_SRC_CONTROL_H
#define JKP_SRC_CONTROL_H

#include <stddef.h>

#define CONTROL_TEXT_MAX 256
#define CONTROL_SUFFIX	 ".ctl"
#define CONTROL_DONE	 "done: " /* an answer that begins so is a yes */
#define CONTROL_RESET	 "reset statistics"

struct sockaddr_un;
struct worker;

/**
 * control_address - of the socket beside a statistics page
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int control_address(const char *stats_path, struct sockaddr_un *ret_address);

/**
 * control_open - listen; replaces the socket of an earlier process
 * @stats_path: statistics page; its lock is held, so nobody else listens
 * @error: receives what is wrong and the remedy
 *
 * Return: descriptor, or -errno.
 * Context: main thread, init.
 */
int control_open(const char *stats_path, char *error, size_t size);

/**
 * control_serve - take one order and answer it
 *
 * Context: main thread, when the descriptor is readable. Bound: 0.6 s, whatever the client does.
 */
void control_serve(struct worker *w, int fd);

/**
 * control_close - stop listening; -1 is allowed
 */
void control_close(const char *stats_path, int fd);

/**
 * control_ask - send an order to the running daemon and wait for the answer
 * @order: "ack", "ack recover" or CONTROL_RESET
 * @ret_answer: receives the answer, or what is wrong and the remedy; CONTROL_TEXT_MAX bytes
 *
 * Return: 0 done, -EACCES refused by the daemon, another -errno: no answer.
 * Context: --ack, rtstat.
 */
int control_ask(const char *stats_path, const char *order, char *ret_answer);

#endif
