/* SPDX-License-Identifier: Apache-2.0 */
/* Writing blocks of the record into files. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "recorder_file.h"

int recorder_write_at(int fd, const void *bytes, size_t len, int64_t at)
{
	const uint8_t *p = bytes;

	while (len > 0U) {
		const ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? -errno : -ENOSPC;
		}
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int recorder_read_at(int fd, void *bytes, size_t len, int64_t at)
{
	uint8_t *p = bytes;

	while (len > 0U) {
		const ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? -errno : -ENODATA;
		}
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int64_t recorder_wall_offset(void)
{
	struct timespec wall;
	struct timespec mono;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	return ((int64_t)wall.tv_sec - mono.tv_sec) * NS_PER_S + wall.tv_nsec - mono.tv_nsec;
}

int recorder_block_begin(struct recorder_block *b, int fd, int64_t at, uint32_t sequence,
			 uint32_t flags, int64_t first_ns)
{
	static const struct record_block none;

	b->fd = fd;
	b->at = at;
	b->waiting = 0U;
	b->head = (struct record_block){
		.sequence = sequence, .flags = flags, .first_ns = first_ns, .last_ns = first_ns};
	return recorder_write_at(fd, &none, sizeof(none), at);
}

static int write_chunk(struct recorder_block *b)
{
	const int rc = recorder_write_at(b->fd, b->chunk, b->waiting,
					 b->at + (int64_t)sizeof(b->head) + b->head.len);

	if (rc == 0) {
		b->head.sum = record_sum(b->head.sum, b->chunk, b->waiting);
		b->head.len += b->waiting;
		b->waiting = 0U;
	}
	return rc;
}

int recorder_block_add(struct recorder_block *b, const uint8_t *bytes, uint32_t len)
{
	if (len < RECORDER_CHUNK - b->waiting) { /* usually */
		memcpy(b->chunk + b->waiting, bytes, len);
		b->waiting += len;
		return 0;
	}
	while (len > 0U) {
		const uint32_t room = RECORDER_CHUNK - b->waiting;
		const uint32_t n = len < room ? len : room;

		memcpy(b->chunk + b->waiting, bytes, n);
		b->waiting += n;
		bytes += n;
		len -= n;
		if (b->waiting == RECORDER_CHUNK) {
			const int rc = write_chunk(b);

			if (rc != 0) {
				return rc;
			}
		}
	}
	return 0;
}

int recorder_block_flush(struct recorder_block *b)
{
	const int rc = b->waiting > 0U ? write_chunk(b) : 0;

	if (rc != 0) {
		return rc;
	}
	record_block_seal(&b->head);
	return recorder_write_at(b->fd, &b->head, sizeof(b->head), b->at);
}
