/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the recorder share. Service thread, unless noted. */
#ifndef JKP_SVC_RECORDER_FILE_H
#define JKP_SVC_RECORDER_FILE_H

#include "svc/recorder.h"

/* recorder_block.c */

/* All of it or -errno; a short write is -ENOSPC. */
int recorder_write_at(int fd, const void *bytes, size_t len, int64_t at);
/* All of it or -errno; -ENODATA behind the end. */
int recorder_read_at(int fd, void *bytes, size_t len, int64_t at);
/* CLOCK_REALTIME - CLOCK_MONOTONIC. */
int64_t recorder_wall_offset(void);

/* Begin a block at @at; what was there is no block any more. */
int recorder_block_begin(struct recorder_block *b, int fd, int64_t at, uint32_t sequence,
			 uint32_t flags, int64_t first_ns);
int recorder_block_add(struct recorder_block *b, const uint8_t *bytes, uint32_t len);
/* Make the file true: bytes first, then the head that counts them. */
int recorder_block_flush(struct recorder_block *b);

/* recorder_incident.c */

/**
 * struct recorder_window - what of a ring is to be kept
 * @fd, @head: the ring
 * @moment: why
 * @from_ns, @to_ns: all blocks that touch this time
 * @rest: what lies in the staging area too: the ring of a worker that is dead
 */
struct recorder_window {
	int fd;
	struct record_head head;
	struct recorder_moment moment;
	int64_t from_ns;
	int64_t to_ns;
	bool rest;
};

/* Return: 0; -EALREADY one like it was kept a short while ago; -ENODATA nothing is there; -errno. */
int recorder_keep(struct recorder *r, const struct recorder_window *w);

/* Files that were never completed go. */
void recorder_clean(const char *folder);

/* recorder_rescue.c: keep what the worker before could not. */
void recorder_rescue(struct recorder *r);
/* recorder_rescue.c: what a dead worker had staged, behind its newest block @last (NULL: none). */
int recorder_copy_staged(struct recorder *r, const struct recorder_window *w,
			 const struct record_block *last, int fd, int64_t *at, uint32_t *blocks);

#endif
