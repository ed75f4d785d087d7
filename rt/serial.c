/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/serial.h"

#include "base/time.h"
#include "base/units.h"
#include "helper.h"
#include "rt/handoff.h"
#include "serial_open.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS	       100 /* how often the helper looks whether the device was lost */
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (2 * NS_PER_S)
#define STEADY_NS      (2 * NS_PER_S) /* open that long: the next loss starts at the least back-off */
#define TEXT_MAX       256
#define ATTEMPTS       2 /* one repetition after EINTR */

/**
 * struct serial - the port
 * @device: configured path
 * @fd: descriptor, handed over between the two threads
 * @helper: its thread
 * @opens: written by the helper; the other counters by the cycle thread
 */
struct serial {
	char device[PATH_MAX];
	struct handoff fd;
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

static void lose(struct serial *s)
{
	count(&s->losses);
	handoff_give_up(&s->fd);
}

bool serial_is_open(const struct serial *s)
{
	return handoff_is_held(&s->fd);
}

size_t serial_read(struct serial *s, uint8_t *buf, size_t max)
{
	const int fd = handoff_get(&s->fd);
	ssize_t n = -1;

	if (fd < 0 || max == 0) {
		return 0;
	}
	for (int i = 0; i < ATTEMPTS; i++) {
		n = read(fd, buf, max);
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	if (n > 0) {
		return (size_t)n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		count(&s->read_errors);
		lose(s);
	}
	return 0;
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
		lose(s);
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

static bool try_open(struct serial *s)
{
	char text[TEXT_MAX];
	int fd;

	if (serial_open(s->device, &fd, text, sizeof(text)) < 0) {
		return false;
	}
	/* Counted before the cycle thread can see it open. */
	count(&s->opens);
	if (!handoff_put(&s->fd, fd)) {
		serial_close(fd);
	}
	return true;
}

/*
 * Closes what the cycle thread gave up and opens again. A device that comes and goes (a USB adapter
 * without enough power) keeps its long back-off.
 */
static void *run(void *arg)
{
	struct serial *s = arg;
	int64_t opened_ns = helper_now_ns();
	int64_t backoff_ns = BACKOFF_MIN_NS;
	int64_t next_ns = 0;
	bool open = true;

	while (helper_wait(&s->helper, HELPER_NO_FD, LOOK_MS)) {
		const int64_t now_ns = helper_now_ns();
		const int fd = handoff_reclaim(&s->fd);

		if (fd >= 0) {
			serial_close(fd);
			open = false;
			if (now_ns - opened_ns >= STEADY_NS) {
				backoff_ns = BACKOFF_MIN_NS;
			}
			next_ns = now_ns + backoff_ns;
		}
		if (open || now_ns < next_ns) {
			continue;
		}
		open = try_open(s);
		opened_ns = now_ns;
		backoff_ns = min_i64(2 * backoff_ns, BACKOFF_MAX_NS);
		next_ns = now_ns + backoff_ns;
	}
	return NULL;
}

static int start(struct serial *s, const char *device, char *err, size_t err_len)
{
	int fd;
	int result;

	(void)snprintf(s->device, sizeof(s->device), "%s", device);
	handoff_init(&s->fd);
	s->helper.stop_fd = -1;
	result = serial_open(device, &fd, err, err_len);
	if (result < 0) {
		return result;
	}
	count(&s->opens);
	(void)handoff_put(&s->fd, fd);
	result = helper_start(&s->helper, "jkp-serial", run, s);
	if (result < 0) {
		(void)snprintf(err, err_len, "%s: cannot start the helper thread: %s", device,
			       strerror(-result));
		serial_close(handoff_fini(&s->fd));
	}
	return result;
}

int serial_start(struct serial **ret, const char *device, char *err, size_t err_len)
{
	struct serial *s;
	int result;

	assert(ret && device && err && err_len >= 1);
	if (strlen(device) >= PATH_MAX) {
		(void)snprintf(err, err_len, "serial device: path longer than %d characters",
			       PATH_MAX - 1);
		return -ENAMETOOLONG;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		(void)snprintf(err, err_len, "%s: out of memory", device);
		return -ENOMEM;
	}
	result = start(s, device, err, err_len);
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
