/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sma_listener INTERFACE SERIAL|any|none: the service that hears the meter, alone; says every 50 ms in
 * one line of JSON what it has published, and on standard error its events.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "svc/sma.h"

#define PERIOD_MS    50
#define PAUSE_MIN_MS 300
#define TEXT_MAX     400
#define MAX_W	     45000
#define STALE_MS     5000
#define SILENT_MS    60000
#define CALM_MS	     3000

static struct sma sma;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
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

	while (ring_pop(&sma.service.events, &e)) {
		char text[TEXT_MAX];

		event_format(&e, no_name, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
}

static void print_list(const char *name, const uint32_t *list, size_t n)
{
	printf(",\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		printf("%s%" PRIu32, i > 0 ? "," : "", list[i]);
	}
	printf("]");
}

static void print_state(void)
{
	static struct sma_status status;
	static struct service_health health;
	struct sma_status scratch;
	struct service_health health_scratch;
	struct grid_sample grid;
	const bool has = snapshot_try_read(&sma.grid.head, &grid, sizeof(grid));
	uint32_t heard = 0;

	if (snapshot_try_read(&sma.status.head, &scratch, sizeof(scratch))) {
		status = scratch;
	}
	if (snapshot_try_read(&sma.service.health.head, &health_scratch, sizeof(health_scratch))) {
		health = health_scratch;
	}
	for (uint32_t i = 0; i < SMA_HEARD; i++) {
		heard += status.heard[i].count > 0U;
	}
	printf("{\"power_w\":%" PRId32 ",\"serial\":%" PRIu32 ",\"t_ns\":%" PRId64
	       ",\"age_ms\":%" PRId32,
	       has ? grid.power_w : 0, has ? grid.serial : 0U, has ? grid.t_ns : -1,
	       has ? time_ms_since(service_now(), grid.t_ns) : -1);
	printf(",\"state\":\"%s\",\"opens\":%" PRIu32 ",\"datagrams\":%" PRIu32
	       ",\"heard\":%" PRIu32 ",\"floods\":%" PRIu32 ",\"filtering\":%" PRIu32
	       ",\"lost\":%" PRIu32,
	       service_state_name((int32_t)health.state), status.opens, status.datagrams, heard,
	       status.floods, status.filtering, health.lost);
	print_list("kind", status.kind, SPEEDWIRE_VERDICTS);
	print_list("verdict", status.verdict, METER_VERDICTS);
	printf("}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sma_config config = {
		.group = SPEEDWIRE_GROUP,
		.port = SPEEDWIRE_PORT,
		.meter = {.who = METER_SERIAL, .max_power_w = MAX_W, .stale_ms = STALE_MS},
		.pause_min_ms = PAUSE_MIN_MS,
		.pause_max_ms = 2 * PAUSE_MIN_MS,
		.silent_ms = SILENT_MS,
		.calm_ms = CALM_MS,
	};

	if (argc != 3) {
		fprintf(stderr, "usage: sma_listener INTERFACE SERIAL|any|none\n");
		return 1;
	}
	config.interface = argv[1];
	if (strcmp(argv[2], "any") == 0) {
		config.meter.who = METER_ANY;
	} else if (strcmp(argv[2], "none") == 0) {
		config.meter.who = METER_NOBODY;
	} else {
		config.meter.serial = (uint32_t)strtoul(argv[2], NULL, 10);
	}
	(void)sigaction(SIGTERM, &action, NULL);
	if (sma_start(&sma, &config) != 0) {
		return 1;
	}
	while (stopped == 0) {
		print_events();
		print_state();
		(void)poll(NULL, 0, PERIOD_MS);
	}
	const int r = sma_stop(&sma);

	print_events();
	return r == 0 ? 0 : 1;
}
