/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/serial.h"

#include "base/remedy.h"
#include "base/ring.h"
#include "base/time.h"
#include "base/units.h"
#include "helper.h"
#include "rt/clock.h"
#include "rt/handoff.h"
#include "rt/loop.h"
#include "rt/shared_log.h"
#include "serial_open.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LOOK_MS	       100   /* how often the helper looks whether the device was lost */
#define GIVE_UP_MS     5     /* the same, while it waits for the cycle thread to let go */
#define KEPT_BYTES     4096U /* what may wait for the cycle thread; a power of two */
#define READ_BYTES     512U  /* in one period */
#define AHEAD_NS       (600 * NS_PER_US) /* of the cycle: the helper has read by then */
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (2 * NS_PER_S)
#define STEADY_NS      (2 * NS_PER_S) /* open that long: the next loss starts at the least back-off */
#define TEXT_MAX       256
#define ATTEMPTS       2 /* one repetition after EINTR */
#define REFUSED_TRIES  3 /* in a row, then it is told: udev gives access a moment after the device */
#define TELL_NS	       (60 * NS_PER_S) /* at most once in this time */

/**
 * struct line - what the helper knows of the device
 * @fd: open descriptor, -1 = none; only the helper closes it
 * @recalled: it is no good any more; the cycle thread is to let go of it
 * @opened_ns, @next_ns, @backoff_ns: last attempt, next attempt, pause after it
 * @period_ns: of the cycle
 * @refused: why it could not be opened, -errno; 0 = it was, or is not there
 * @refusals: how often in a row for that reason
 * @told_ns: when that was told, 0 = never
 */
struct line {
	int fd;
	bool recalled;
	int64_t opened_ns;
	int64_t next_ns;
	int64_t backoff_ns;
	int64_t period_ns;
	int refused;
	uint32_t refusals;
	int64_t told_ns;
};

/**
 * struct serial - the port
 * @device: configured path
 * @fd: descriptor, handed over between the two threads
 * @received: bytes, from the helper to the cycle thread
 * @line: the helper's own
 * @helper: its thread
 * @write_errors: written by the cycle thread; the other counters by the helper
 */
struct serial {
	char device[PATH_MAX];
	struct handoff fd;
	struct ring received;
	uint8_t storage[KEPT_BYTES];
	struct line line;
	struct helper helper;
	_Atomic uint32_t opens;
	_Atomic uint32_t losses;
	_Atomic uint32_t read_errors;
	_Atomic uint32_t write_errors;
};

/* Each counter has one writer, so no read-modify-write loop is needed. */
static void count(_Atomic uint32_t *counter)
{
	const uint32_t n = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, n + 1U, memory_order_relaxed);
}

bool serial_is_open(const struct serial *s)
{
	return handoff_is_held(&s->fd);
}

size_t serial_read(struct serial *s, uint8_t *buf, size_t max)
{
	size_t n = 0;

	/* The helper may want the descriptor back. */
	(void)handoff_get(&s->fd);
	while (n < max && ring_pop(&s->received, &buf[n])) {
		n++;
	}
	return n;
}

int serial_write(struct serial *s, const uint8_t *data, size_t len)
{
	const int fd = handoff_get(&s->fd);
	ssize_t n = -1;

	if (fd < 0) {
		return -ENODEV;
	}
	for (int i = 0; i < ATTEMPTS; i++) {
		n = write(fd, data, len);
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	if (n >= 0 && (size_t)n == len) {
		return 0;
	}
	count(&s->write_errors);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		handoff_give_up(&s->fd);
		return -ENODEV;
	}
	return -EAGAIN;
}

void serial_get_stats(const struct serial *s, struct serial_stats *ret_stats)
{
	ret_stats->opens = atomic_load_explicit(&s->opens, memory_order_relaxed);
	ret_stats->losses = atomic_load_explicit(&s->losses, memory_order_relaxed);
	ret_stats->read_errors = atomic_load_explicit(&s->read_errors, memory_order_relaxed);
	ret_stats->write_errors = atomic_load_explicit(&s->write_errors, memory_order_relaxed);
}

/* A device that is there and cannot be had. One that is not there is known to be lost. */
static void note_refusal(struct line *l, int error, const char *text)
{
	l->refusals = error == l->refused ? l->refusals + 1U : 1U;
	l->refused = error;
	if (error == -ENOENT || l->refusals < REFUSED_TRIES ||
	    (l->told_ns != 0 && l->opened_ns - l->told_ns < TELL_NS)) {
		return;
	}
	l->told_ns = l->opened_ns;
	shared_log(LOG_ERR, "BMS serial device cannot be opened again: %s", text);
}

static void try_open(struct serial *s, struct line *l)
{
	char text[TEXT_MAX];
	int error;
	int fd;

	l->opened_ns = helper_now_ns();
	l->backoff_ns = min_i64(2 * l->backoff_ns, BACKOFF_MAX_NS);
	l->next_ns = l->opened_ns + l->backoff_ns;
	error = serial_open(s->device, &fd, text, sizeof(text));
	if (error < 0) {
		note_refusal(l, error, text);
		return;
	}
	l->refusals = 0U;
	/* Counted before the cycle thread can see it open. */
	count(&s->opens);
	if (!handoff_put(&s->fd, fd)) {
		serial_close(fd);
		return;
	}
	l->fd = fd;
	l->recalled = false;
}

/* The cycle thread has let go of it. */
static void shut(struct serial *s, struct line *l, int fd)
{
	const int64_t now_ns = helper_now_ns();

	serial_close(fd);
	if (!l->recalled) {
		count(&s->losses);
	}
	l->fd = -1;
	if (now_ns - l->opened_ns >= STEADY_NS) {
		l->backoff_ns = BACKOFF_MIN_NS;
	}
	l->next_ns = now_ns + l->backoff_ns;
}

/* Bytes that find no room mean that the cycle stands still: then nobody misses them. */
static void take(struct serial *s, struct line *l)
{
	uint8_t buf[READ_BYTES];
	const ssize_t n = read(l->fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n && ring_push(&s->received, &buf[i]); i++) {
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		count(&s->read_errors);
		count(&s->losses);
		handoff_recall(&s->fd);
		l->recalled = true;
	}
}

/*
 * What comes now is not looked at before the cycle's next period: one read, shortly before, has it
 * all, where a wake-up for each packet of an adapter would cost as much as the cycle itself. Whoever
 * babbles is read no faster.
 */
static void wait_for_cycle(const struct line *l)
{
	const int64_t offset_ns = LOOP_PHASE_NS - AHEAD_NS;
	const int64_t period = (helper_now_ns() - offset_ns) / l->period_ns + 1;

	clock_sleep_until(period * l->period_ns + offset_ns);
}

static bool wait_for_line(const struct serial *s, struct line *l)
{
	if (l->fd < 0) {
		return helper_wait(&s->helper, HELPER_NO_FD, LOOK_MS);
	}
	if (l->recalled) {
		return helper_wait(&s->helper, HELPER_NO_FD, GIVE_UP_MS);
	}
	return helper_wait(&s->helper, l->fd, LOOK_MS);
}

/*
 * Reads, closes what was lost and opens again. A device that comes and goes (a USB adapter without
 * enough power) keeps its long back-off.
 */
static void *run(void *arg)
{
	struct serial *s = arg;
	struct line *l = &s->line;

	while (wait_for_line(s, l)) {
		const int lost = handoff_reclaim(&s->fd);

		if (lost >= 0) {
			shut(s, l, lost);
		} else if (l->fd < 0 && helper_now_ns() >= l->next_ns) {
			try_open(s, l);
		} else if (l->fd >= 0 && !l->recalled) {
			wait_for_cycle(l);
			take(s, l);
		}
	}
	return NULL;
}

static int start(struct serial *s, const char *device, const struct serial_pace *pace, char *err,
		 size_t err_len)
{
	int fd;
	int result;

	(void)snprintf(s->device, sizeof(s->device), "%s", device);
	handoff_init(&s->fd);
	s->helper.stop_fd = -1;
	result = ring_init(&s->received, s->storage, KEPT_BYTES, 1U);
	assert(result == 0);
	result = serial_open(device, &fd, err, err_len);
	if (result < 0) {
		return result;
	}
	count(&s->opens);
	(void)handoff_put(&s->fd, fd);
	s->line.fd = fd;
	s->line.period_ns = pace->period_us * NS_PER_US;
	s->line.opened_ns = helper_now_ns();
	s->line.backoff_ns = BACKOFF_MIN_NS;
	result = helper_start(&s->helper, "jkp-serial", pace->priority, run, s);
	if (result < 0) {
		(void)snprintf(err, err_len, "%s: cannot start the helper thread: %s: %s", device,
			       strerror(-result), remedy_of(-result));
		serial_close(handoff_fini(&s->fd));
	}
	return result;
}

int serial_start(struct serial **ret, const char *device, const struct serial_pace *pace, char *err,
		 size_t err_len)
{
	struct serial *s;
	int result;

	assert(ret && device && pace && pace->period_us > 0 && err && err_len >= 1);
	if (strlen(device) >= PATH_MAX) {
		(void)snprintf(err, err_len, "serial device: path longer than %d characters",
			       PATH_MAX - 1);
		return -ENAMETOOLONG;
	}
	/* calloc() does not align rings as they ask for */
	s = aligned_alloc(_Alignof(struct serial), sizeof(*s));
	if (!s) {
		(void)snprintf(err, err_len, "%s: out of memory", device);
		return -ENOMEM;
	}
	memset(s, 0, sizeof(*s));
	result = start(s, device, pace, err, err_len);
	if (result < 0) {
		free(s);
		return result;
	}
	*ret = s;
	return 0;
}

void serial_stop(struct serial *s)
{
	int fd;

	if (!s) {
		return;
	}
	helper_stop(&s->helper);
	fd = handoff_fini(&s->fd);
	if (fd >= 0) {
		serial_close(fd);
	}
	free(s);
}
