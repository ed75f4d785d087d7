/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder as a part of the worker: the battery is served without it. */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/remedy.h"
#include "base/units.h"
#include "rt/guard.h"
#include "rt/shared_log.h"

#define RELOAD_MS     200 /* the relay waits for the next worker, which keeps what is pending */
#define KIB	      1024U
#define DRAIN_PERIODS 600 /* the staging area has room for some times so many */
#define US_PER_MS     1000
#define PATH_SIZE     sizeof(((struct worker *)NULL)->ring_path)
#define STATE_DEFAULT "/var/lib/jkpylon/state"

static const char *remedy(int error)
{
	switch (error) {
	case EBUSY:
		return "another daemon writes it: give each its own recorder.ring";
	case EEXIST:
		return "that file is no ring: give another name, or remove it";
	case ENOENT:
		return "make its folder, or give another path";
	case ENOSPC:
		return "make recorder.size smaller, or room in its folder";
	case EMEDIUMTYPE:
		return "it lies on a disk, and writing it back would stop the cycle: give a file below "
		       "/run";
	default:
		return remedy_of(error);
	}
}

/* "auto" is @name in the folder of @beside. */
static void resolve(const char *value, const char *beside, const char *name,
		    char ret_path[PATH_SIZE])
{
	const char *slash = strrchr(beside, '/');

	if (strcmp(value, CONF_AUTO) != 0) {
		snprintf(ret_path, PATH_SIZE, "%s", value);
	} else {
		snprintf(ret_path, PATH_SIZE, "%.*s/%s", slash != NULL ? (int)(slash - beside) : 0,
			 beside, name);
	}
}

static void resolve_paths(struct worker *w)
{
	const struct config *c = &w->config;
	const bool stateless = strcmp(c->state_path, "none") == 0;

	resolve(c->ring_path, c->stats_path, "ring", w->ring_path);
	resolve(c->incidents_path, stateless ? STATE_DEFAULT : c->state_path, "incidents",
		w->incidents_path);
}

static int open_recorder(struct worker *w)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL) {
		return -ENOMEM;
	}
	conf_print(&w->config, f);
	fclose(f);

	const struct recorder_config config = {
		.ring = w->ring_path,
		.bytes = (uint32_t)w->config.ring_kib * KIB,
		.incidents = w->incidents_path,
		.drain_ms = min_i32(RECORDER_DRAIN_MS,
				    w->config.core.period_us * DRAIN_PERIODS / US_PER_MS),
		.before_ms = w->config.incident_before_ms,
		.after_ms = w->config.incident_after_ms,
		.alone = !w->config.sma_enabled && w->config.goodwe_host[0] == '\0' &&
			 w->config.sems_portal == SEMS_PORTAL_NONE,
		.settings = text,
		.version = JKP_VERSION,
	};
	int r = recorder_open(&w->recorder, &config);

	free(text);
	if (r == 0) {
		r = stats_in_memory(w->ring_path) ? recorder_start(&w->recorder) : -EMEDIUMTYPE;
		if (r != 0) {
			(void)recorder_stop(&w->recorder, false, 0);
		}
	}
	return r;
}

int worker_start_recorder(struct worker *w)
{
	if (w->config.ring_path[0] == '\0' || w->mode != MODE_RUN) {
		return EXIT_OK;
	}
	resolve_paths(w);
	int r = open_recorder(w);

	w->recording = r == 0;
	if (r == 0) {
		r = logger_add(&w->logger, &w->recorder.service.events);
	}
	if (r != 0) {
		shared_log(EVENT_WARNING, "recorder.ring=%s: %s%s%s; running without", w->ring_path,
			   r == -EMEDIUMTYPE ? "" : strerror(-r), r == -EMEDIUMTYPE ? "" : ": ",
			   remedy(-r));
	}
	return EXIT_OK;
}

void worker_stop_recorder(struct worker *w)
{
	const int r = recorder_stop(&w->recorder, w->reload,
				    w->reload ? RELOAD_MS : SERVICE_STOP_MAX_MS);

	if (r != 0) {
		w->left_behind = true;
		shared_log(EVENT_INFO, "the recorder waits for a disk: left behind");
	}
}
