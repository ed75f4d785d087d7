/* SPDX-License-Identifier: Apache-2.0 */
#include "local.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rule.h"
#include "control.h"
#include "core/telemetry.h"
#include "rt/clock.h"
#include "rt/guard.h"
#include "rt/relay.h"
#include "rt/shared_log.h"
#include "rt/state.h"
#include "rt/stats.h"
#include "svc/explain.h"

#define TEXT_MAX     512
#define TIME_MAX     32
#define MA_PER_A     1000
#define TENTHS	     10
#define AGE_ALIVE_MS 2000
#define LABEL	     9 /* columns */
#define FILE_PREFIX  "file:"

static void print_when(int64_t when_s)
{
	const time_t t = (time_t)when_s;
	struct tm tm;
	char text[TIME_MAX] = "?";

	/* Where time_t has 32 bits it ends in 2038: a number then, and no date of 1901. */
	if ((int64_t)t != when_s) {
		(void)snprintf(text, sizeof(text), "%" PRId64 " s after 1970", when_s);
	} else if (when_s > 0 && gmtime_r(&t, &tm) != NULL) {
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	}
	fprintf(stdout, "%s", text);
}

static void print_limit(const struct telemetry *t, enum dir dir)
{
	const int32_t tenths = t->limit_ma[dir] / (MA_PER_A / TENTHS);

	fprintf(stdout, "  %s %d.%d A (%s)", dir_name((int32_t)dir), tenths / TENTHS,
		tenths % TENTHS, rule_name(t->limited_by[dir]));
}

/* Return: what the page says is now and here. */
static bool is_running(const struct stats_page *page, const struct telemetry *t)
{
	const bool exists = kill(page->header.pid, 0) == 0 || errno == EPERM;

	return exists && time_ms_since(clock_now_ns(CLOCK_MONOTONIC), t->t_ns) < AGE_ALIVE_MS;
}

/* Return: EXIT_OK, or what the daemon's state makes of it. */
static int print_daemon(const char *stats_path)
{
	char error[STATS_ERROR_MAX];
	struct stats_reader reader;
	struct telemetry t;
	int code = EXIT_OK;

	if (stats_open(stats_path, &reader, error) != 0) {
		fprintf(stdout, "daemon:  not running (%s)\n", error);
		return EXIT_DEVICE;
	}
	if (stats_read(&reader, &t, NULL) != 0 || !is_running(reader.page, &t)) {
		fprintf(stdout, "daemon:  not running (%s is of an earlier one)\n", stats_path);
		stats_close(&reader);
		return EXIT_DEVICE;
	}
	fprintf(stdout, "daemon:  running, pid %d\n", reader.page->header.pid);
	fprintf(stdout, "ladder:  %s, reason: %s\n", step_name((int32_t)t.step),
		reason_name((int32_t)t.reason));
	fprintf(stdout, "relay:   %s, %s\n", relay_state_name((int32_t)t.relay),
		t.permit != 0U ? "may be closed" : "must be open");
	fprintf(stdout, "limits: ");
	print_limit(&t, DIR_CHARGE);
	print_limit(&t, DIR_DISCHARGE);
	if (t.age_ms == INT32_MAX) {
		fprintf(stdout, "\nBMS:     no sample yet\n");
	} else {
		fprintf(stdout, "\nBMS:     sample %d ms old, SoC %d %%\n", t.age_ms,
			t.sample.soc_pct);
	}
	explain_house(&t, LABEL, stdout);
	fprintf(stdout, "CAN:     %s\n", can_link_name((int32_t)t.can_link));
	if (t.latched != REASON_NONE) {
		fprintf(stdout, "latched: %s", reason_name((int32_t)t.latched));
		if (t.latched == REASON_CRITICAL && t.critical_level < LEVELS) {
			fprintf(stdout, " (%s)", level_name((int32_t)t.critical_level));
		}
		fprintf(stdout, "; find the cause, then jkpylond --ack\n");
	}
	if (t.step == STEP_TRIP || t.latched != REASON_NONE) {
		code = EXIT_TRIPPED;
	}
	stats_close(&reader);
	return code;
}

static int print_state(const char *path)
{
	struct state_record r;
	char text[STATE_TEXT_MAX];
	const int rc = state_read(path, &r, text, sizeof(text));

	if (rc != 0) {
		fprintf(stdout, "state:   %s\n", text);
		return rc == -EBADMSG ? EXIT_TRIPPED : EXIT_OK;
	}
	if (r.latched == REASON_NONE && r.opened_by == REASON_NONE) {
		fprintf(stdout,
			"state:   nothing latched, the relay has never opened because of a fault\n");
		return EXIT_OK;
	}
	fprintf(stdout, "state:   %s%s, ",
		r.latched != REASON_NONE ? "latched " : "nothing latched",
		r.latched != REASON_NONE ? reason_name((int32_t)r.latched) : "");
	if (r.opened_by != REASON_NONE) {
		fprintf(stdout, "relay last opened by %s, ", reason_name((int32_t)r.opened_by));
	}
	fprintf(stdout, "written ");
	print_when(r.when_s);
	fputc('\n', stdout);
	return r.latched != REASON_NONE ? EXIT_TRIPPED : EXIT_OK;
}

int local_status(const struct config *c)
{
	const int daemon = print_daemon(c->stats_path);
	const int state = print_state(c->state_path);

	return daemon != EXIT_OK ? daemon : state;
}

int local_ack(const struct config *c, bool recover)
{
	char answer[CONTROL_TEXT_MAX];
	const int r = control_ask(c->stats_path, recover ? "ack recover" : "ack", answer);

	fprintf(r == 0 ? stdout : stderr, "%s\n", answer);
	return r == 0 ? EXIT_OK : (r == -EACCES ? EXIT_TRIPPED : EXIT_DEVICE);
}

static bool is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* "" and "none" are no relay. */
static int open_now(const char *relay, const char *precharge)
{
	char error[TEXT_MAX];

	if (strcmp(relay, "none") == 0 || relay[0] == '\0') {
		return EXIT_OK;
	}
	if (relay_open_anyhow(relay, precharge, error, sizeof(error)) != 0) {
		shared_log(EVENT_ERR, "cannot open the relay: %s", error);
		return EXIT_DEVICE;
	}
	shared_log(EVENT_NOTICE, "relay %s opened", relay);
	return EXIT_OK;
}

/* The relay of the daemon that ran last, if the configuration has been given another one since. */
static void former_relay(const struct config *c, char ret_relay[STATE_RELAY_MAX])
{
	struct state_record record = {0};
	char error[TEXT_MAX];

	ret_relay[0] = '\0';
	if (is_ours(c->state_path) &&
	    state_read(c->state_path, &record, error, sizeof(error)) == 0 &&
	    strncmp(record.relay, FILE_PREFIX, strlen(FILE_PREFIX)) != 0 &&
	    strcmp(record.relay, c->relay) != 0) {
		snprintf(ret_relay, STATE_RELAY_MAX, "%s", record.relay);
	}
}

int local_open_relay(const char *config_path)
{
	static struct config c;
	struct conf_error conf_error = {0};
	struct state_record record = {0};
	char former[STATE_RELAY_MAX] = "";
	char error[TEXT_MAX];
	const char *relay = c.relay;

	if (conf_read(config_path, &c, &conf_error) != 0) {
		shared_log(EVENT_WARNING, "%s: %s", config_path, conf_error.text);
		conf_default(&c);
		if (!is_ours(c.state_path)) {
			shared_log(
				EVENT_ERR,
				"which relay is to be opened is not known: %s does not belong to this "
				"user: run it as the user of the daemon",
				c.state_path);
			return EXIT_DEVICE;
		}
		if (state_read(c.state_path, &record, error, sizeof(error)) != 0) {
			shared_log(EVENT_ERR, "which relay is to be opened is not known: %s",
				   error);
			return EXIT_DEVICE;
		}
		relay = record.relay;
		if (strncmp(relay, FILE_PREFIX, strlen(FILE_PREFIX)) == 0) {
			/* A name in a file that others might write is none to write to. */
			shared_log(EVENT_ERR, "the relay was %s: open it by hand", relay);
			return EXIT_DEVICE;
		}
	} else {
		former_relay(&c, former);
	}
	const int r = open_now(relay, c.precharge);
	const int second = open_now(former, "none");

	return r != EXIT_OK ? r : second;
}
