/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The portal's service alone, with the settings of a configuration file and pauses as short as a test
 * wants them: prints its events and, once in 100 ms, what it publishes. SIGTERM ends it; then it prints
 * how long that took. With "lock" all memory is locked before, as the daemon does.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "conf/conf.h"
#include "rt/enter.h"
#include "sems_client.h"
#include "sems_settings.h"

#define PERIOD_MS 100
#define TEXT_SIZE 512U

static struct sems sems;
static struct config config;
static char login_path[CONF_PATH_MAX];
static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static const char *no_name(enum event_name kind, int32_t value)
{
	(void)kind;
	(void)value;
	return "?";
}

static void print_events(void)
{
	struct event e;
	char text[TEXT_SIZE];

	while (ring_pop(&sems.service.events, &e)) {
		(void)event_format(&e, no_name, text, sizeof(text));
		printf("event %s %s\n", event_key(e.id), text);
	}
}

static void print_state(void)
{
	static struct sems_status status;
	static struct service_health health;
	struct sems_status scratch;
	struct service_health health_scratch;
	struct peer_sample p;
	const bool has = snapshot_try_read(&sems.sample.head, &p, sizeof(p));

	if (snapshot_try_read(&sems.status.head, &scratch, sizeof(scratch))) {
		status = scratch;
	}
	if (snapshot_try_read(&sems.service.health.head, &health_scratch, sizeof(health_scratch))) {
		health = health_scratch;
	}
	printf("state {\"has\":%s,\"mode\":%" PRIu32 ",\"power_w\":%" PRId32 ",\"soc\":%" PRId32
	       ",\"age_ms\":%" PRId32,
	       has ? "true" : "false", has ? p.mode : 0U, has ? p.power_w : 0, has ? p.soc_pct : 0,
	       has ? time_ms_since(service_now(), p.t_ns) : -1);
	printf(",\"service\":\"%s\",\"verdict\":\"%s\",\"stopped\":%" PRIu32 ",\"stale\":%" PRIu32
	       ",\"requests\":%" PRIu32 ",\"logins\":%" PRIu32 ",\"readings\":%" PRIu32
	       ",\"failures\":%" PRIu32 "}\n",
	       service_state_name((int32_t)health.state),
	       sems_verdict_name((int32_t)status.verdict), status.stopped, status.stale,
	       status.count.requests, status.count.logins, status.count.readings,
	       status.count.failures);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sems_config settings;
	struct conf_error error = {0};
	struct enter_report report = {0};

	if (argc < 5) {
		fprintf(stderr,
			"usage: sems_listener CONFIGURATION PAUSE_MAX_MS BUSY_MS STALE_MS [lock]\n");
		return 1;
	}
	if (conf_read(argv[1], &config, &error) != 0) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
		return 1;
	}
	if (argc > 5 && enter_memory(&report) != 0) {
		fprintf(stderr, "%s\n", report.text);
		return 1;
	}
	sems_settings(&config, login_path, &settings);
	settings.pause_max_ms = (int32_t)strtoul(argv[2], NULL, 10);
	settings.busy_ms = (int32_t)strtoul(argv[3], NULL, 10);
	settings.stale_ms = (int32_t)strtoul(argv[4], NULL, 10);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sems_start(&sems, &settings) != 0) {
		return 1;
	}
	while (stopped == 0) {
		print_events();
		print_state();
		(void)poll(NULL, 0, PERIOD_MS);
	}
	const int64_t begin_ns = service_now();
	const int r = sems_stop(&sems);

	print_events();
	printf("stopped %d %" PRId32 " ms\n", r, time_ms_since(service_now(), begin_ns));
	return r != 0;
}
