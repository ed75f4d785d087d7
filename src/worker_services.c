/* SPDX-License-Identifier: Apache-2.0 */
/* The services of the worker: the battery is served without any of them. */
#include "worker.h"

#include <string.h>

#include "rt/guard.h"
#include "rt/shared_log.h"
#include "sems_settings.h"

/* A report for people. */
int worker_start_solis(struct worker *w)
{
	const struct config *c = &w->config;

	/* A dry run says nothing that the inverter could understand. */
	if (c->solis_device[0] == '\0' || w->mode != MODE_RUN) {
		return EXIT_OK;
	}
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
	int r = solis_start(&w->solis, &config);

	if (r == 0) {
		r = logger_add(&w->logger, &w->solis.service.events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "cannot read %s: %s; running without the echo check",
			   c->solis_device, strerror(-r));
	}
	return EXIT_OK;
}

/* One that hangs is left behind: the end of the worker does not wait for it (SAF-13). */
static void stop_service(struct worker *w, int r, const char *name)
{
	if (r != 0) {
		w->left_behind = true;
		shared_log(EVENT_WARNING, "the thread of %s hangs and is left behind: %s", name,
			   strerror(-r));
	}
}

void worker_stop_solis(struct worker *w)
{
	stop_service(w, solis_stop(&w->solis), "solis");
}

static enum meter_who whom_to_believe(const struct config *c, uint32_t *ret_serial)
{
	if (conf_sma_serial(c, ret_serial)) {
		return METER_SERIAL;
	}
	return strcmp(c->sma_serial, CONF_SERIAL_ANY) == 0 ? METER_ANY : METER_NOBODY;
}

/* It only listens, so a dry run and an explanation do too. */
int worker_start_sma(struct worker *w)
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

	if (!c->sma_enabled) {
		return EXIT_OK;
	}
	config.meter.who = whom_to_believe(c, &config.meter.serial);
	int r = sma_start(&w->sma, &config);

	if (r == 0) {
		r = logger_add(&w->logger, &w->sma.service.events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "cannot listen for the meter: %s; running without",
			   strerror(-r));
	}
	return EXIT_OK;
}

void worker_stop_sma(struct worker *w)
{
	stop_service(w, sma_stop(&w->sma), "sma");
}

/* A dry run decides by it, an explanation shows it, and asking changes nothing. */
int worker_start_goodwe(struct worker *w)
{
	const struct config *c = &w->config;
	const struct goodwe_config config = {
		.host = c->goodwe_host,
		.port = c->goodwe_port,
		.family = c->goodwe_family,
		.poll_ms = c->goodwe_poll_ms,
		.stale_ms = c->core.source[SOURCE_LOCAL].stale_ms,
	};

	if (c->goodwe_host[0] == '\0') {
		return EXIT_OK;
	}
	int r = goodwe_start(&w->goodwe, &config);

	if (r == 0) {
		r = logger_add(&w->logger, &w->goodwe.service.events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "cannot read goodwe.host=%s: %s; running without",
			   c->goodwe_host, strerror(-r));
	}
	return EXIT_OK;
}

void worker_stop_goodwe(struct worker *w)
{
	stop_service(w, goodwe_stop(&w->goodwe), "goodwe");
}

/* Not for an explanation: its values count from the second, different ones on, a minute later. */
int worker_start_sems(struct worker *w)
{
	const struct config *c = &w->config;
	struct sems_config config;

	if (c->sems_portal == SEMS_PORTAL_NONE || w->mode == MODE_EXPLAIN) {
		return EXIT_OK;
	}
	sems_settings(c, w->sems_login_path, &config);
	int r = sems_start(&w->sems, &config);

	if (r == 0) {
		r = logger_add(&w->logger, &w->sems.service.events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "cannot ask the portal: %s; running without",
			   strerror(-r));
	}
	return EXIT_OK;
}

void worker_stop_sems(struct worker *w)
{
	stop_service(w, sems_stop(&w->sems), "sems");
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
	service_ask_to_end(&w->solis.service);
	service_ask_to_end(&w->sma.service);
	service_ask_to_end(&w->goodwe.service);
	service_ask_to_end(&w->sems.service);
}
