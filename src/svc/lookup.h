/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, without waiting for the resolver: it may hang for minutes and cannot be
 * interrupted. A thread of its own asks it; the request belongs to both, and the last one that lets go
 * frees it. So a service can end while the resolver still hangs.
 */
#ifndef JKP_SVC_LOOKUP_H
#define JKP_SVC_LOOKUP_H

#include <stdint.h>
#include <sys/socket.h>

struct lookup;

/**
 * lookup_numeric - an address that is written as one
 * @host: IPv4 or IPv6, with a scope if need be
 * @ret_address, @ret_len: untouched unless 0 is returned
 *
 * Return: 0, or -ENOENT: it is a name.
 * Context: any thread. Does not wait.
 */
int lookup_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
		   socklen_t *ret_len);

/**
 * lookup_start - ask the resolver for a UDP address
 * @host: copied
 * @ret_lookup: receives the request; lookup_drop() it. Untouched on failure
 *
 * Return: 0 or -errno.
 * Context: any thread of ordinary scheduling. Does not wait.
 */
int lookup_start(const char *host, uint16_t port, struct lookup **ret_lookup);

/* Readable when the answer is there. */
int lookup_fd(const struct lookup *l);

/**
 * lookup_result - the answer
 * @ret_address, @ret_len: untouched unless 0 is returned
 * @ret_error: error of getaddrinfo() if -ENOENT is returned, else untouched
 *
 * Return: 0; -EAGAIN: not there yet; -ENOENT: there is no such address.
 */
int lookup_result(struct lookup *l, struct sockaddr_storage *ret_address, socklen_t *ret_len,
		  int *ret_error);

/**
 * lookup_other - the first address of the other family (IPv4, IPv6) than that of lookup_result()
 * @ret_address: untouched unless 0 is returned
 *
 * For whoever can try two: a way that exists on paper only is not rare.
 * Return: 0; -ENOENT: there is none, or no answer yet.
 */
int lookup_other(const struct lookup *l, struct sockaddr_storage *ret_address);

/* Let go of it, answered or not. NULL is none. */
void lookup_drop(struct lookup *l);

#endif
