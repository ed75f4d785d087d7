/* SPDX-License-Identifier: Apache-2.0 */
#include "sems_fresh.h"

#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"

#define RISES	     2U
#define FLOOR_MS     INT64_C(1788220800000)		  /* 2026-09-01 UTC */
#define TIMESYNCD_OK "/run/systemd/timesync/synchronized" /* of systemd-timesyncd */

static void begin(struct sems_fresh *f, uint32_t kind, int64_t stamp, int64_t now_ns)
{
	*f = (struct sems_fresh){
		.known = true,
		.proven = kind == SEMS_STAMP_EPOCH,
		.kind = kind,
		.newest = stamp,
		.last = stamp,
		.since_ns = now_ns,
	};
}

/* Return: whether @stamp says that the values are new. */
static bool is_new(struct sems_fresh *f, int64_t stamp)
{
	if (f->kind == SEMS_STAMP_MARK) {
		return stamp != f->last;
	}
	if (stamp > f->newest) {
		return true;
	}
	if (stamp < f->last) {
		f->rises = 0;
	} else if (stamp > f->last) {
		f->rises++;
	}
	return f->rises >= RISES;
}

int64_t sems_fresh_take(struct sems_fresh *f, uint32_t kind, int64_t stamp, int64_t now_ns,
			int64_t wall_ms)
{
	if (!f->known || f->kind != kind) {
		begin(f, kind, stamp, now_ns);
	} else if (is_new(f, stamp)) {
		f->newest = stamp;
		f->since_ns = now_ns;
		f->proven = true;
		f->rises = 0;
	}
	f->last = stamp;
	if (!f->proven) {
		return TIME_NEVER;
	}
	if (kind == SEMS_STAMP_EPOCH) {
		const int64_t age_ms = wall_ms - stamp;

		if (age_ms < -SEMS_AHEAD_MS || age_ms > INT32_MAX) {
			return TIME_NEVER;
		}
		return min_i64(f->since_ns, now_ns - max_i64(age_ms, 0) * NS_PER_MS);
	}
	return f->since_ns;
}

bool sems_clock_good(int64_t wall_ms, int64_t boot_ms, int set, int32_t wait_ms)
{
	return wall_ms >= FLOOR_MS && (set == 1 || boot_ms >= wait_ms);
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

/* The call is refused to a service without clock privileges; then the file may tell. */
static int said_of_clock(void)
{
	struct timex t = {0};
	const int state = adjtimex(&t);

	if (access(TIMESYNCD_OK, F_OK) == 0) {
		return 1;
	}
	if (state < 0) {
		return -1;
	}
	return state == TIME_ERROR || (t.status & STA_UNSYNC) != 0 ? 0 : 1;
}

bool sems_clock_is_set(int32_t wait_ms)
{
	return sems_clock_good(clock_ms(CLOCK_REALTIME), clock_ms(CLOCK_BOOTTIME), said_of_clock(),
			       wait_ms);
}
