/* SPDX-License-Identifier: Apache-2.0 */
/* A consistent copy of the statistics page, and whether its writer lives. See rtstat.h. */
#include "rtstat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN  36
#define ATTEMPTS     40
#define RETRY_NS     (25 * NS_PER_MS)
#define STALE_NS     (2 * NS_PER_S)
#define BELIEVE_NS   (300 * NS_PER_MS) /* counters move three times in it */
#define SEQ_BYTES    sizeof(struct snapshot)
#define TIME_MAX_NS  (INT64_MAX / 4)

int64_t rtstat_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void rtstat_pause(int64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S),
				   .tv_nsec = (long)(ns % NS_PER_S)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

__attribute__((format(printf, 2, 3))) static void say(char *ret_error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret_error, RTSTAT_TEXT, format, ap);
	va_end(ap);
}

/* ---- reading ---- */

static ssize_t read_all(int fd, void *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		const ssize_t r = pread(fd, (char *)buf + n, size - n, (off_t)n);

		if (r < 0 && errno == EINTR) {
			continue;
		}
		if (r <= 0) {
			return r < 0 ? r : (ssize_t)n;
		}
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* Nothing was written while the whole page was read: the sequence is even and still the same. */
static bool is_settled(int fd, const struct snapshot *copy, size_t offset, size_t size)
{
	struct {
		uint32_t seq;
		uint32_t bytes;
	} now;
	const uint32_t seq = atomic_load_explicit(&copy->seq, memory_order_relaxed);

	return pread(fd, &now, sizeof(now), (off_t)offset) == (ssize_t)SEQ_BYTES && seq != 0U &&
	       seq % 2U == 0U && now.seq == seq && copy->bytes == size;
}

/* What goes to a terminal: somebody may have written anything there. */
static void clean(char *text, size_t size)
{
	text[size - 1U] = '\0';
	for (char *c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == '<' || *c == '&') {
			*c = '?';
		}
	}
}

static int64_t tame(int64_t ns)
{
	return clamp_i64(ns, 0, TIME_MAX_NS);
}

/* Times that somebody else wrote may be any number: none of them may overflow in a sum. */
static void tame_times(struct rtstat_page *p)
{
	p->header.start_ns = tame(p->header.start_ns);
	p->loop.t_ns = tame(p->loop.t_ns);
	p->loop.since_ns = tame(p->loop.since_ns);
	p->loop.period_ns = tame(p->loop.period_ns);
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		struct stats_range *r = &p->loop.time[i];

		/* INT64_MAX while there are none */
		r->min_ns = r->count == 0U ? r->min_ns : tame(r->min_ns);
		r->max_ns = tame(r->max_ns);
		r->sum_ns = tame(r->sum_ns);
	}
}

static void copy_page(const struct stats_page *from, struct rtstat_page *ret)
{
	ret->header = from->header;
	clean(ret->header.boot_id, sizeof(ret->header.boot_id));
	clean(ret->header.program, sizeof(ret->header.program));
	memcpy(&ret->telemetry, from->telemetry.word, sizeof(ret->telemetry));
	memcpy(&ret->loop, from->loop.word, sizeof(ret->loop));
	memcpy(ret->cell, from->hist, sizeof(ret->cell));
	memcpy(ret->came, from->rules.came, sizeof(ret->came));
	memcpy(ret->lasted_ds, from->rules.lasted_ds, sizeof(ret->lasted_ds));
	ret->now_ns = rtstat_now();
	tame_times(ret);
}

/* Return: RTSTAT_OK, or RTSTAT_DEAD if no consistent copy comes about: the writer died writing. */
static enum rtstat_exit read_page(int fd, const char *path, struct rtstat_page *ret,
				  char *ret_error)
{
	static struct stats_page page;

	for (int i = 0; i < ATTEMPTS; i++) {
		const ssize_t n = read_all(fd, &page, sizeof(page));

		if (n < 0) {
			say(ret_error, "cannot read %s: %s", path, strerror(errno));
			return RTSTAT_NO_PAGE;
		}
		memset((char *)&page + n, 0, sizeof(page) - (size_t)n);
		if (stats_check(path, &page.header, (int64_t)n, ret_error) != 0) {
			return RTSTAT_FOREIGN;
		}
		if (is_settled(fd, &page.telemetry.head, offsetof(struct stats_page, telemetry),
			       sizeof(struct telemetry)) &&
		    is_settled(fd, &page.loop.head, offsetof(struct stats_page, loop),
			       sizeof(struct stats_loop))) {
			copy_page(&page, ret);
			return RTSTAT_OK;
		}
		rtstat_pause(RETRY_NS);
	}
	copy_page(&page, ret);
	say(ret->dead, "%s is half written: its writer has ended, or has not yet begun its work",
	    path);
	say(ret_error, "%s", ret->dead);
	return RTSTAT_DEAD;
}

/* ---- does its writer live? ---- */

static bool is_this_boot(const struct stats_header *h)
{
	char id[sizeof(h->boot_id)] = "";
	const int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd >= 0 ? read(fd, id, BOOT_ID_LEN) : -1;

	if (fd >= 0) {
		close(fd);
	}
	return n != BOOT_ID_LEN || memcmp(id, h->boot_id, BOOT_ID_LEN) == 0;
}

static bool process_exists(int32_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* A process of another namespace cannot be seen, but its page moves. */
static bool moves(int fd, const char *path, const struct rtstat_page *page)
{
	static struct rtstat_page later;
	char error[RTSTAT_TEXT];

	rtstat_pause(BELIEVE_NS);
	return read_page(fd, path, &later, error) == RTSTAT_OK && later.loop.t_ns > page->loop.t_ns;
}

static void judge_life(int fd, const char *path, struct rtstat_page *page)
{
	const int64_t age_ns = page->now_ns - page->loop.t_ns;
	const int32_t pid = page->header.pid;
	char ago[RTSTAT_SHORT];

	rtstat_duration(age_ns, ago);
	if (!is_this_boot(&page->header)) {
		say(page->dead, "%s was written before this machine was started again", path);
	} else if ((page->loop.flags & STATS_STOPPED) != 0U) {
		say(page->dead, "%s is of a jkpylon that was stopped %s ago", path, ago);
	} else if (!process_exists(pid) && !(age_ns <= STALE_NS && moves(fd, path, page))) {
		say(page->dead, "%s is of a jkpylon that is gone: process %d ended %s ago", path,
		    pid, ago);
	} else if (age_ns > STALE_NS || age_ns < -STALE_NS) {
		say(page->dead, "%s has not moved for %s although process %d exists", path, ago,
		    pid);
	}
}

enum rtstat_exit rtstat_take(const char *path, struct rtstat_page *ret_page, char *ret_error)
{
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		say(ret_error, "cannot open %s: %s: %s", path, strerror(errno),
		    errno == EACCES ? "everybody may read a page, but not every directory"
				    : "is jkpylon running? see rt.stats in its configuration");
		return RTSTAT_NO_PAGE;
	}
	memset(ret_page, 0, sizeof(*ret_page));

	enum rtstat_exit r = RTSTAT_NO_PAGE;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		say(ret_error, "cannot read %s: it is no regular file", path);
	} else {
		r = read_page(fd, path, ret_page, ret_error);
		ret_page->inode = st.st_ino;
	}
	if (r == RTSTAT_OK) {
		judge_life(fd, path, ret_page);
		if (ret_page->dead[0] != '\0') {
			say(ret_error, "%s", ret_page->dead);
			r = RTSTAT_DEAD;
		}
	}
	close(fd);
	return r;
}

/* ---- differences ---- */

static void subtract_time(struct rtstat_page *page, const struct rtstat_page *base, uint32_t time)
{
	struct stats_range *r = &page->loop.time[time];
	const struct stats_range *before = &base->loop.time[time];
	const bool new_max = r->max_ns > before->max_ns || before->count == 0U;
	const bool new_min = r->min_ns < before->min_ns || before->count == 0U;
	uint32_t low = STATS_HIST_CELLS;
	uint32_t high = 0U;

	for (uint32_t i = 0; i < STATS_HIST_CELLS; i++) {
		page->cell[time][i] -= base->cell[time][i];
		if (page->cell[time][i] != 0U) {
			low = i < low ? i : low;
			high = i + 1U;
		}
	}
	r->sum_ns -= before->sum_ns;
	r->count -= before->count;
	if (high > 0U && !new_max) {
		r->max_ns = high == STATS_HIST_CELLS ? INT64_MAX : stats_hist_low_ns(high);
	}
	if (high > 0U && !new_min) {
		r->min_ns = stats_hist_low_ns(low);
	}
}

/* As it is stored, but with the counters as differences. */
static void subtract_counter(struct rtstat_page *page, const struct rtstat_page *base,
			     const struct rtstat_counter *c)
{
	char *at = (c->in_loop ? (char *)&page->loop : (char *)&page->telemetry) + c->offset;

	if (c->size == sizeof(uint64_t)) {
		const uint64_t v = (uint64_t)rtstat_counter(page, c) -
				   (uint64_t)rtstat_counter(base, c);

		memcpy(at, &v, sizeof(v));
	} else {
		const uint32_t v = (uint32_t)rtstat_counter(page, c) -
				   (uint32_t)rtstat_counter(base, c);

		memcpy(at, &v, sizeof(v));
	}
}

void rtstat_subtract(struct rtstat_page *page, const struct rtstat_page *base)
{
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		subtract_time(page, base, i);
	}
	for (size_t i = 0; i < rtstat_counters_len; i++) {
		if (!rtstat_counters[i].gauge) {
			subtract_counter(page, base, &rtstat_counters[i]);
		}
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		for (uint32_t rule = 0; rule < RULES; rule++) {
			page->came[d][rule] -= base->came[d][rule];
			page->lasted_ds[d][rule] -= base->lasted_ds[d][rule];
		}
	}
	page->loop.since_ns = base->now_ns;
}
