/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the failsafe state share: a folder of their own, and records to put. */
#ifndef JKP_TEST_STATE_PLACE_H
#define JKP_TEST_STATE_PLACE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rt/state.h"
#include "state_file.h"

#define LOST	 99U
#define CRITICAL 11U
#define RELAY	 "gpiochip0:17:active-low"

struct place {
	char dir[64];
	char path[96];
	char marker[104];
	char text[STATE_TEXT_MAX];
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return -1;
	}
	snprintf(p->dir, sizeof(p->dir), "/tmp/jkpylon-state-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/state", p->dir);
	snprintf(p->marker, sizeof(p->marker), "%s.made", p->path);
	*state = p;
	return 0;
}

static void place_clear(const struct place *p)
{
	(void)unlink(p->path);
	(void)unlink(p->marker);
}

static int place_drop(void **state)
{
	struct place *p = *state;

	place_clear(p);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

/* pwrite() when that one is wrapped; the same whether off_t has 32 or 64 bits. */
static inline ssize_t write_at(int fd, const void *data, size_t len, off_t at)
{
	struct iovec part = {.iov_len = len};

	memcpy(&part.iov_base, &data, sizeof(data)); /* takes the const away */
	return pwritev(fd, &part, 1, at);
}

/* A record by which each one can be told from the others. */
static inline struct state_record make_record(uint32_t latched, uint32_t number)
{
	struct state_record r = {.latched = latched,
				 .detail = number,
				 .opened_by = 3U,
				 .reclosings = 2U,
				 .when_s = 1700000000,
				 .relay = RELAY};

	return r;
}

/* Make the file by hand: two good slots, the marker. */
static inline void place_fill(const struct place *p, uint32_t latched, uint32_t newest)
{
	const int fd = open(p->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct state_record r = make_record(0U, 1U);

	state_seal(&r, newest - 1U);
	(void)!write_at(fd, &r, sizeof(r), 0);
	r = make_record(latched, 2U);
	state_seal(&r, newest);
	(void)!write_at(fd, &r, sizeof(r), STATE_BLOCK);
	(void)!ftruncate(fd, STATE_FILE_SIZE);
	close(fd);
	close(open(p->marker, O_WRONLY | O_CREAT, 0600));
}

#endif
