/* SPDX-License-Identifier: Apache-2.0 */
/* tools/demo --once: the daemon for some seconds, then a summary and its judgement. See demo.h. */
#include "demo.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"
#include "proto/pylon.h"

#define WAIT_MS	     5
#define LINE_NS	     (5 * DEMO_NS_PER_S)
#define STOP_WAIT_NS (5 * DEMO_NS_PER_S)
#define EXIT_BAD     3
#define NO_TIME_S    (-1.0)
#define PID_TEXT     32

static const uint32_t battery_ids[] = {PYLON_ID_ALARMS,	  PYLON_ID_LIMITS,  PYLON_ID_SOC,
				       PYLON_ID_MEASURED, PYLON_ID_REQUEST, PYLON_ID_NAME};

#define BATTERY_IDS (sizeof(battery_ids) / sizeof(battery_ids[0]))

static const struct demo_frame *frame_of(const struct demo *d, uint32_t id)
{
	for (int i = 0; i < d->frames; i++) {
		if (d->frame[i].can.can_id == id) {
			return &d->frame[i];
		}
	}
	return NULL;
}

static double since_start(const struct demo *d, int64_t t_ns)
{
	return t_ns == DEMO_NEVER ? NO_TIME_S
				  : (double)(t_ns - d->start_ns) / (double)DEMO_NS_PER_S;
}

static void print_limits(const struct demo *d)
{
	const struct telemetry *t = &d->t;

	printf("== %5.1f s: %s", since_start(d, demo_now()), step_name((int32_t)t->step));
	for (int i = 0; i < DIRS; i++) {
		printf(", %s %.1f A by %s (envelope %.1f A by %s)", dir_name(i),
		       t->limit_ma[i] / 1000.0, rule_name(t->limited_by[i]),
		       t->envelope_ma[i] / 1000.0, rule_name(t->envelope_by[i]));
	}
	printf("\n");
	printf("==          pack %.2f V %+.1f A SoC %u %%, cells %.3f to %.3f V, data %d ms old\n",
	       t->sample.pack_mv / 1000.0, t->sample.pack_ma / 1000.0, t->sample.soc_pct,
	       t->sample.cell_min_mv / 1000.0, t->sample.cell_max_mv / 1000.0, t->age_ms);
	fflush(stdout);
}

static void watch(struct demo *d, int64_t end_ns)
{
	int64_t line_ns = d->start_ns + LINE_NS;

	while (demo_now() < end_ns) {
		demo_collect(d);
		if (demo_now() >= line_ns) {
			line_ns += LINE_NS;
			print_limits(d);
		}
		(void)poll(NULL, 0, WAIT_MS);
	}
}

/* Number of the daemon's process. Return: 0 if it cannot be told. */
static pid_t daemon_pid(const struct demo *d)
{
	char text[PID_TEXT] = "";
	FILE *f = d->pid_path ? fopen(d->pid_path, "re") : NULL;

	if (f) {
		(void)!fgets(text, sizeof(text), f);
		fclose(f);
	}
	return (pid_t)strtoll(text, NULL, 10);
}

/* The bus closes when the daemon has gone. */
static void stop_daemon(struct demo *d)
{
	const int64_t end_ns = demo_now() + STOP_WAIT_NS;

	for (int i = 0; i < DIRS; i++) {
		d->seen.end_limit_ma[i] = d->t.limit_ma[i];
	}
	printf("== stopping the daemon\n");
	fflush(stdout);
	const pid_t pid = daemon_pid(d);

	if (pid <= 0 || kill(pid, SIGTERM) != 0) {
		return;
	}
	while (d->bus_open && demo_now() < end_ns) {
		demo_collect(d);
		(void)poll(NULL, 0, WAIT_MS);
	}
}

static bool check(bool good, const char *text)
{
	printf("  %-4s %s\n", good ? "ok" : "FAIL", text);
	return good;
}

static bool zero_at_stop(const struct demo *d)
{
	const struct demo_frame *limits = frame_of(d, PYLON_ID_LIMITS);
	const struct demo_frame *request = frame_of(d, PYLON_ID_REQUEST);
	static const uint8_t zero[4];

	return limits && request && memcmp(&limits->can.data[2], zero, sizeof(zero)) == 0 &&
	       request->can.data[0] == 0;
}

static void print_summary(const struct demo *d)
{
	const struct demo_seen *s = &d->seen;
	const struct telemetry *t = &d->t;
	uint32_t faults = t->count_late + t->count_implausible;

	for (int v = JK_OK + 1; v < JK_VERDICTS; v++) {
		faults += t->count_verdict[v];
	}
	printf("\nsummary\n");
	printf("  samples                %" PRIu32 " of %" PRIu32 " requests\n", t->count_samples,
	       t->count_requests);
	printf("  sets, frames           %" PRIu32 ", %" PRIu32 " (%" PRIu32 " seen on the bus)\n",
	       t->count_sets, t->count_frames, s->frames);
	printf("  first BMS reply        %.3f s\n", since_start(d, s->first_reply_ns));
	printf("  first frame            %.3f s\n", since_start(d, s->first_frame_ns));
	for (int i = 0; i < DIRS; i++) {
		printf("  %-9s limit        %.1f to %.1f A, at the end %.1f A\n", dir_name(i),
		       s->limit_min[i] / 1000.0, s->limit_max[i] / 1000.0,
		       s->end_limit_ma[i] / 1000.0);
	}
	printf("  oldest data            %" PRId32 " ms\n", s->age_max_ms);
	printf("  periods, overruns      %" PRIu64 ", %" PRIu64 "\n", d->loop.cycles,
	       d->loop.overruns);
	printf("  faults on the line     %" PRIu32 "\n", faults);
	printf("  errors in the log      %" PRIu32 "\n", s->errors);
	printf("  0x305 of the inverter  %" PRIu32 "\n\n", t->count_alive);
}

static bool judge(const struct demo *d)
{
	const struct demo_seen *s = &d->seen;
	bool all_ids = true;
	bool good = true;

	for (size_t i = 0; i < BATTERY_IDS; i++) {
		all_ids = all_ids && frame_of(d, battery_ids[i]);
	}
	good &= check(d->have && d->t.count_samples > 0, "the BMS was read");
	good &= check(s->first_frame_ns != DEMO_NEVER && s->first_reply_ns != DEMO_NEVER &&
			      s->first_frame_ns > s->first_reply_ns,
		      "the first frame came after the first complete reply of the BMS");
	good &= check(all_ids, "0x351 0x355 0x356 0x359 0x35C 0x35E were on the bus");
	good &= check(frame_of(d, PYLON_ID_ALIVE) && d->t.count_alive > 0,
		      "the inverter answered (0x305)");
	good &= check(s->end_limit_ma[DIR_CHARGE] > 0 && s->end_limit_ma[DIR_DISCHARGE] > 0,
		      "both limits were above 0 A at the end");
	good &= check(s->age_max_ms < 1000, "the data was never older than 1 s");
	good &= check(s->errors == 0, "no error in the log");
	good &= check(zero_at_stop(d), "the last frames said 0 A / 0 A, enables off");
	return good;
}

/* From here on nothing is missed: the daemon may be started. */
static void say_ready(struct demo *d)
{
	demo_collect(d);
	FILE *f = d->ready_path ? fopen(d->ready_path, "we") : NULL;

	if (f) {
		fclose(f);
	}
}

int demo_once(struct demo *d)
{
	say_ready(d);
	watch(d, d->start_ns + (int64_t)(d->seconds * (double)DEMO_NS_PER_S));
	stop_daemon(d);
	print_summary(d);
	return judge(d) ? EXIT_SUCCESS : EXIT_BAD;
}
