/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on stderr for the two processes: "<N>text", N is the journal priority. A reader that does
 * not keep up, or is gone, never stops the writer: the line is dropped and counted.
 */
#ifndef JKP_RT_SHARED_LOG_H
#define JKP_RT_SHARED_LOG_H

#include <stddef.h>
#include <stdint.h>

#define SHARED_LOG_MAX 512 /* longest line, with prefix and newline; longer ones are cut */

/**
 * shared_log_init - find a way to write to stderr that cannot block
 *
 * Sockets (the journal) are written with MSG_DONTWAIT, anything else through a descriptor opened
 * anew with O_NONBLOCK: the flag on stderr itself would also bind the shell it is shared with.
 * SIGPIPE must be ignored or blocked by the caller. A standard descriptor that is closed becomes
 * /dev/null, so call it before anything is opened.
 *
 * Context: init, one thread.
 */
void shared_log_init(void);

/**
 * shared_log_write - write one line or drop it
 * @level: 0..7 as in <syslog.h>
 * @text: without newline; control characters are replaced by '?'
 *
 * Return: 0, or -EAGAIN/-EPIPE/... if it was dropped.
 * Context: any thread but the cycle; never blocks.
 */
int shared_log_write(int level, const char *text);

/**
 * shared_log - formatted twin
 */
__attribute__((format(printf, 2, 3))) void shared_log(int level, const char *format, ...);

/**
 * shared_log_dropped - lines dropped so far, modulo 2^32
 */
uint32_t shared_log_dropped(void);

#endif
