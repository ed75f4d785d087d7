/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: the part of a ring around a fault, as a file that stays. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "core/telemetry.h"
#include "recorder_file.h"

#define DIR_MODE   0750
#define FILE_MODE  0640
#define TEMPORARY  ".tmp"
#define NAME_SIZE  96U
#define TIME_SIZE  32U
#define TIME_CHARS 16U /* 20261127T140312Z */
#define KIB	   1024U
#define HEAD_ROOM  4096U

/* A block of the ring that belongs to the incident. */
struct chosen {
	uint32_t sequence;
	uint32_t slot;
	uint32_t len;
};

struct choice {
	struct chosen block[RECORD_BLOCKS_MAX];
	uint32_t count;
	uint64_t bytes;
	bool have_last;
	struct record_block last; /* newest of the whole ring */
};

static void take_block(struct choice *c, const struct recorder_window *w,
		       const struct record_block *b, uint32_t slot)
{
	uint32_t i = c->count;

	if (!c->have_last || (int32_t)(b->sequence - c->last.sequence) > 0) {
		c->last = *b;
		c->have_last = true;
	}
	if (b->len == 0U || b->last_ns < w->from_ns || b->first_ns > w->to_ns) {
		return;
	}
	while (i > 0U && (int32_t)(c->block[i - 1U].sequence - b->sequence) > 0) {
		c->block[i] = c->block[i - 1U];
		i--;
	}
	c->block[i] = (struct chosen){.sequence = b->sequence, .slot = slot, .len = b->len};
	c->count++;
	c->bytes += record_block_stride(b->len);
}

static int64_t place_of(const struct recorder_window *w, uint32_t slot)
{
	return (int64_t)w->head.blocks_at + (int64_t)slot * RECORD_BLOCK_SIZE;
}

static void choose(const struct recorder_window *w, struct choice *c)
{
	c->count = 0U;
	c->bytes = 0U;
	c->have_last = false;
	for (uint32_t i = 0; i < w->head.blocks; i++) {
		struct record_block b;

		if (recorder_read_at(w->fd, &b, sizeof(b), place_of(w, i)) != 0) {
			break; /* the ring has not come so far yet */
		}
		if (record_block_is_good(&b)) {
			take_block(c, w, &b, i);
		}
	}
	/* Too much: the oldest is left out, the fault itself is at the end. */
	while (c->bytes > RECORDER_LARGEST && c->count > 1U) {
		c->bytes -= record_block_stride(c->block[0].len);
		c->count--;
		memmove(c->block, c->block + 1, c->count * sizeof(c->block[0]));
	}
}

/* One block of the ring, if it is whole. */
static int copy_block(struct recorder *r, const struct recorder_window *w, const struct chosen *b,
		      int fd, int64_t *at, uint32_t *blocks)
{
	struct record_block head;
	uint32_t done = 0;
	uint32_t sum = 0;
	int rc = recorder_read_at(w->fd, &head, sizeof(head), place_of(w, b->slot));

	while (rc == 0 && done < head.len && head.len == b->len) {
		const uint32_t left = head.len - done;
		const uint32_t n = left < RECORDER_CHUNK ? left : RECORDER_CHUNK;

		rc = recorder_read_at(w->fd, r->copy.chunk, n,
				      place_of(w, b->slot) + (int64_t)sizeof(head) + done);
		if (rc == 0) {
			sum = record_sum(sum, r->copy.chunk, n);
			rc = recorder_write_at(fd, r->copy.chunk, n,
					       *at + (int64_t)sizeof(head) + done);
		}
		done += n;
	}
	if (rc != 0 || done != head.len || sum != head.sum) {
		return rc; /* a broken block is left out: the next one is written over it */
	}
	rc = recorder_write_at(fd, &head, sizeof(head), *at);
	if (rc == 0) {
		*at += record_block_stride(head.len);
		(*blocks)++;
	}
	return rc;
}

static int copy_settings(struct recorder *r, const struct recorder_window *w, int fd)
{
	uint32_t done = 0;
	int rc = 0;

	while (rc == 0 && done < w->head.config_len) {
		const uint32_t left = w->head.config_len - done;
		const uint32_t n = left < RECORDER_CHUNK ? left : RECORDER_CHUNK;

		rc = recorder_read_at(w->fd, r->copy.chunk, n, (int64_t)w->head.config_at + done);
		rc = rc != 0 ? rc
			     : recorder_write_at(fd, r->copy.chunk, n, (int64_t)HEAD_ROOM + done);
		done += n;
	}
	return rc;
}

static int write_all(struct recorder *r, const struct recorder_window *w, int fd, int64_t *ret_size)
{
	static struct choice choice; /* much for the stack; one thread */
	struct record_head head = w->head;
	uint32_t blocks = 0;
	int64_t at = HEAD_ROOM + (int64_t)record_block_stride(w->head.config_len);
	int rc = copy_settings(r, w, fd);

	head.blocks_at = (uint32_t)at;
	choose(w, &choice);
	for (uint32_t i = 0; rc == 0 && i < choice.count; i++) {
		rc = copy_block(r, w, &choice.block[i], fd, &at, &blocks);
	}
	if (rc == 0 && w->rest) {
		rc = recorder_copy_staged(r, w, choice.have_last ? &choice.last : NULL, fd, &at,
					  &blocks);
	}
	if (rc != 0 || blocks == 0U) {
		return rc != 0 ? rc : -ENODATA;
	}
	head.trigger = w->moment.trigger;
	head.reason = w->moment.reason;
	head.trigger_ns = w->moment.t_ns;
	head.block_size = 0U;
	head.blocks = blocks;
	head.config_at = HEAD_ROOM;
	head.staging_at = 0U;
	head.staging_size = 0U;
	record_head_seal(&head);
	rc = recorder_write_at(fd, &head, sizeof(head), 0);
	/* The last block may have been followed by one that was broken. */
	if (rc == 0 && (ftruncate(fd, (off_t)at) != 0 || fsync(fd) != 0)) {
		rc = -errno;
	}
	*ret_size = at;
	return rc;
}

static void sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

static void name_of(const struct recorder_window *w, char name[NAME_SIZE])
{
	const int64_t wall_ns = w->moment.t_ns + recorder_wall_offset();
	const time_t seconds = (time_t)(wall_ns / NS_PER_S);
	char when[TIME_SIZE] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL) {
		(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	}
	snprintf(name, NAME_SIZE, "%s-%s-%s" RECORDER_SUFFIX, when,
		 record_trigger_name(w->moment.trigger), reason_name((int32_t)w->moment.reason));
}

static bool ends_in(const char *name, const char *end)
{
	const size_t n = strlen(name);
	const size_t m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int only_incidents(const struct dirent *e)
{
	return e->d_name[0] != '.' && strlen(e->d_name) > TIME_CHARS &&
	       ends_in(e->d_name, RECORDER_SUFFIX);
}

static int only_remains(const struct dirent *e)
{
	return e->d_name[0] == '.' && ends_in(e->d_name, RECORDER_SUFFIX TEMPORARY);
}

/*
 * Names begin with the time: the order of names is that of age. But for @newest: on a machine without
 * a clock of its own that stays over power failures it may have an older name than the others.
 */
static void prune(const char *folder, uint32_t keep, int (*which)(const struct dirent *),
		  const char *newest)
{
	char path[RECORDER_PATH_MAX + NAME_MAX];
	struct dirent **entry = NULL;
	const int n = scandir(folder, &entry, which, alphasort);
	uint32_t left = n > 0 ? (uint32_t)n : 0U;

	for (int i = 0; i < n; i++) {
		if (left > keep && (newest == NULL || strcmp(entry[i]->d_name, newest) != 0)) {
			left--;
			snprintf(path, sizeof(path), "%s/%s", folder, entry[i]->d_name);
			(void)unlink(path);
		}
		free(entry[i]);
	}
	free(entry);
}

void recorder_clean(const char *folder)
{
	prune(folder, 0U, only_remains, NULL);
}

/* Was one with this name but for the time written a short while ago, by this worker or another? */
static bool is_repeated(const struct recorder *r, const struct recorder_window *w, const char *name)
{
	const uint32_t t = w->moment.trigger;
	char path[RECORDER_PATH_MAX + NAME_MAX];
	struct dirent **entry = NULL;
	struct stat st;
	bool found = r->kept_ns[t] != 0 && r->kept_reason[t] == w->moment.reason &&
		     service_now() - r->kept_ns[t] < RECORDER_PAUSE_S * NS_PER_S;
	const int n = scandir(r->config.incidents, &entry, only_incidents, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", r->config.incidents, entry[i]->d_name);
		if (strcmp(entry[i]->d_name + TIME_CHARS, name + TIME_CHARS) == 0 &&
		    stat(path, &st) == 0) {
			const int64_t age_s = (int64_t)time(NULL) - (int64_t)st.st_mtime;

			found = found || (age_s >= 0 && age_s < RECORDER_PAUSE_S);
		}
		free(entry[i]);
	}
	free(entry);
	return found;
}

static int write_incident(struct recorder *r, const struct recorder_window *w, const char *name,
			  int64_t *ret_size)
{
	const char *folder = r->config.incidents;
	char temporary[RECORDER_PATH_MAX + NAME_SIZE];
	char path[RECORDER_PATH_MAX + NAME_SIZE];

	/* Whatever the umask says: the group may read. */
	if (mkdir(folder, DIR_MODE) == 0) {
		(void)chmod(folder, DIR_MODE);
	} else if (errno != EEXIST) {
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(temporary, sizeof(temporary), "%s/.%s" TEMPORARY, folder, name);
	const int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			    FILE_MODE);

	if (fd < 0) {
		return -errno;
	}
	int rc = fchmod(fd, FILE_MODE) == 0 ? write_all(r, w, fd, ret_size) : -errno;

	close(fd);
	if (rc == 0 && rename(temporary, path) != 0) {
		rc = -errno;
	}
	if (rc != 0) {
		(void)unlink(temporary);
		return rc;
	}
	sync_folder(folder);
	prune(folder, RECORDER_KEPT, only_incidents, name);
	return 0;
}

int recorder_keep(struct recorder *r, const struct recorder_window *w)
{
	char name[NAME_SIZE];
	int64_t size = 0;

	if (r->config.incidents[0] == '\0') {
		return 0;
	}
	name_of(w, name);
	if (is_repeated(r, w, name)) {
		return -EALREADY;
	}
	const int rc = write_incident(r, w, name, &size);

	if (rc == 0) {
		r->kept_ns[w->moment.trigger] = service_now();
		r->kept_reason[w->moment.trigger] = w->moment.reason;
		service_say(&r->service, EVENT_INCIDENT_KEPT, (int32_t)w->moment.reason,
			    (int32_t)((size + KIB - 1) / KIB), 0, 0);
	} else if (rc != r->error) {
		service_say(&r->service, EVENT_INCIDENT_FAILED, -rc, 0, 0, 0);
	}
	r->error = rc;
	return rc;
}
