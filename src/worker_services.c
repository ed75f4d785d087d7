/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services of the worker: the battery is served without any of them. Which there are is written
 * once, in worker_start_services(); log, health and end go by the list that it makes.
 */
#include "worker.h"

#include <assert.h>
#include <string.h>

#include "base/remedy.h"
#include "base/time.h"
#include "rt/guard.h"
#include "rt/shared_log.h"
#include "sems_settings.h"

#define RELOAD_MS 200 /* all services have so long, at the same time */

/* A report for people. */
static int start_solis(struct worker *w)
{
	const struct config *c = &w->config;
	const struct solis_config config = {
		.device = c->solis_device,
		.bms_device = c->bms_device,
		.address = c->solis_address,
		.baud = c->solis_baud,
		.poll_ms = c->solis_poll_ms,
		.answer_ms = SOLIS_ANSWER_MS,
		.pause_min_ms = SOLIS_PAUSE_MIN_MS,
		.pause_max_ms = SOLIS_PAUSE_MAX_MS,
		.window_ms = c->solis_patience_ms,
		.telemetry = &w->stats->telemetry.head,
	};

	return solis_start(&w->solis, &config);
}

static enum meter_who whom_to_believe(const struct config *c, uint32_t *ret_serial)
{
	if (conf_sma_serial(c, ret_serial)) {
		return METER_SERIAL;
	}
	return strcmp(c->sma_serial, CONF_SERIAL_ANY) == 0 ? METER_ANY : METER_NOBODY;
}

static int start_sma(struct worker *w)
{
	const struct config *c = &w->config;
	struct sma_config config = {
		.interface = c->sma_interface,
		.group = c->sma_group,
		.port = c->sma_port,
		.meter = {.max_power_w = c->sma_max_power_w,
			  .stale_ms = c->core.source[SOURCE_GRID].stale_ms},
		.pause_min_ms = SMA_PAUSE_MIN_MS,
		.pause_max_ms = SMA_PAUSE_MAX_MS,
		.silent_ms = SMA_SILENT_MS,
		.calm_ms = SMA_CALM_MS,
	};

	config.meter.who = whom_to_believe(c, &config.meter.serial);
	return sma_start(&w->sma, &config);
}

static int start_goodwe(struct worker *w)
{
	const struct config *c = &w->config;
	const struct goodwe_config config = {
		.host = c->goodwe_host,
		.port = c->goodwe_port,
		.family = c->goodwe_family,
		.poll_ms = c->goodwe_poll_ms,
		.stale_ms = c->core.source[SOURCE_LOCAL].stale_ms,
	};

	return goodwe_start(&w->goodwe, &config);
}

static int start_sems(struct worker *w)
{
	struct sems_config config;

	sems_settings(&w->config, w->sems_login_path, &config);
	return sems_start(&w->sems, &config);
}

/* @what: what it talks to, as the user has named it. */
static void add_service(struct worker *w, const char *name, const char *what, struct service *s,
			int (*start)(struct worker *w))
{
	assert(w->services < WORKER_SERVICES);
	w->service[w->services++] = (struct worker_service){.name = name, .service = s};
	service_hold(s);
	int r = start(w);

	if (r == 0) {
		r = logger_add(&w->logger, &s->events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "%s (%s) cannot be started: %s: %s; running without",
			   name, what, strerror(-r), remedy_of(-r));
	}
}

int worker_start_services(struct worker *w)
{
	const struct config *c = &w->config;
	/* A dry run says nothing that an inverter could understand, and transmits to nobody. */
	const bool run = w->mode == MODE_RUN;

	if (c->solis_device[0] != '\0' && run) {
		add_service(w, "solis", c->solis_device, &w->solis.service, start_solis);
	}
	/* It only listens, so a dry run and an explanation do too. */
	if (c->sma_enabled) {
		add_service(w, "sma", c->sma_interface, &w->sma.service, start_sma);
	}
	/* A dry run decides by it, an explanation shows it, and asking changes nothing. */
	if (c->goodwe_host[0] != '\0') {
		add_service(w, "goodwe", c->goodwe_host, &w->goodwe.service, start_goodwe);
	}
	/* Not for an explanation: its values count from the second, different ones on, a minute later. */
	if (c->sems_portal != SEMS_PORTAL_NONE && w->mode != MODE_EXPLAIN) {
		add_service(w, "sems", "sems.portal", &w->sems.service, start_sems);
	}
	/* The last one: it shows the health of all. */
	if (c->mqtt_host[0] != '\0' && run) {
		add_service(w, "mqtt", c->mqtt_host, &w->mqtt.service, worker_start_mqtt);
	}
	return EXIT_OK;
}

/*
 * Only now that the cycle has its thread and its memory: nothing that a peer sends can take either from
 * it.
 */
int worker_release_services(struct worker *w)
{
	if (w->mqtt.service.running) {
		worker_bound_memory(&w->config);
	}
	for (uint32_t i = 0; i < w->services; i++) {
		service_release(w->service[i].service);
	}
	return EXIT_OK;
}

void worker_watch_services(struct worker *w)
{
	for (uint32_t i = 0; i < w->services; i++) {
		struct worker_service *s = &w->service[i];
		struct service_health h;

		if (!snapshot_try_read(&s->service->health.head, &h, sizeof(h)) ||
		    service_hangs(&h, service_now()) == s->hangs) {
			continue;
		}
		s->hangs = !s->hangs;
		if (s->hangs) {
			shared_log(
				EVENT_WARNING,
				"the thread of %s hangs, it has not moved for %d s: the battery is "
				"served without it; a restart ends it",
				s->name, SERVICE_SILENT_MS / MS_PER_S);
		} else {
			shared_log(EVENT_NOTICE, "the thread of %s moves again", s->name);
		}
	}
}

/*
 * One that hangs is left behind: the end of the worker does not wait for it (SAF-13). A reload waits for
 * none: the relay would open meanwhile, and they end with the process.
 */
void worker_stop_services(struct worker *w)
{
	const int32_t max_ms = w->reload ? RELOAD_MS : SERVICE_STOP_MAX_MS;

	while (w->services > 0U) {
		const struct worker_service *s = &w->service[--w->services];

		if (service_stop_within(s->service, max_ms) == 0) {
			continue;
		}
		w->left_behind = true;
		if (w->reload) {
			shared_log(EVENT_INFO,
				   "the thread of %s has not ended in %d ms: left behind", s->name,
				   max_ms);
		} else {
			shared_log(EVENT_WARNING, "the thread of %s hangs and is left behind",
				   s->name);
		}
	}
}

bool worker_house_is_heard(const struct worker *w)
{
	const struct config *c = &w->config;
	struct grid_sample grid;
	struct peer_sample peer;

	return (!c->sma_enabled || snapshot_try_read(&w->sma.grid.head, &grid, sizeof(grid))) &&
	       (c->goodwe_host[0] == '\0' ||
		snapshot_try_read(&w->goodwe.sample.head, &peer, sizeof(peer)));
}

void worker_ask_services_to_end(struct worker *w)
{
	for (uint32_t i = 0; i < w->services; i++) {
		service_ask_to_end(w->service[i].service);
	}
}
