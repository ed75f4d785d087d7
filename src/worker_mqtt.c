/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT as a part of the worker: nothing depends on it. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "rt/shared_log.h"

/*
 * The libraries of the services make room for what peers say, and all memory is locked and never given
 * back. What is known of that is bounded where it comes in (svc/mqtt_inlet.h); for what is not, this
 * process gets a bound above what it has now, and a library fails instead. The cycle asks for nothing
 * any more by then, so it misses nothing.
 */
#define ROOM_BYTES (UINT64_C(48) * 1024 * 1024)
#define STATM_SIZE 128U
#define STATM_DATA 5

static void summary(const struct stats_range *r, int64_t *ret_mean_us, int64_t *ret_max_us,
		    uint64_t *ret_count)
{
	*ret_count = r->count;
	*ret_mean_us = r->count != 0U && r->count <= INT64_MAX
			       ? r->sum_ns / (int64_t)r->count / NS_PER_US
			       : 0;
	*ret_max_us = r->max_ns / NS_PER_US;
}

/* Services do not know the page of the cycle: what they may show of it is copied here. */
static bool read_realtime(void *context, struct mqtt_realtime *ret)
{
	const struct stats_page *page = context;
	struct stats_loop l;

	if (!snapshot_try_read(&page->loop.head, &l, sizeof(l))) {
		return false;
	}
	*ret = (struct mqtt_realtime){
		.cycles = l.cycles,
		.overruns = l.overruns,
		.missed = l.missed,
		.page_faults = l.minor_faults + l.major_faults,
		.events_lost = l.events_lost,
		.refused = (l.flags & STATS_REFUSED) != 0U,
	};
	summary(&l.time[STATS_WAKEUP], &ret->wakeup.mean_us, &ret->wakeup.max_us,
		&ret->wakeup.count);
	summary(&l.time[STATS_RUN], &ret->run.mean_us, &ret->run.max_us, &ret->run.count);
	summary(&l.time[STATS_RESPONSE], &ret->response.mean_us, &ret->response.max_us,
		&ret->response.count);
	return true;
}

/* Its own health too: what the broker shows of that is what was true while it was there. */
static void show_services(const struct worker *w, struct mqtt_config *c)
{
	for (uint32_t i = 0; i < w->services && i < MQTT_SERVICES_MAX; i++) {
		c->service[i].name = w->service[i].name;
		c->service[i].health = &w->service[i].service->health.head;
		c->services++;
	}
}

static int init_rings(struct worker *w)
{
	const int r = ring_init(&w->network, w->network_storage, MQTT_RING_ORDERS,
				sizeof(struct command));

	return r != 0 ? r
		      : ring_init(&w->answers, w->answer_storage, MQTT_RING_ANSWERS,
				  sizeof(struct command_answer));
}

/* Bytes of private memory that this process may write to; 0 if the kernel does not say. */
static uint64_t private_bytes(void)
{
	char text[STATM_SIZE] = "";
	char *at = text;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL) {
		return 0U;
	}
	(void)!fgets(text, sizeof(text), f);
	(void)fclose(f);
	/* size resident shared text lib data */
	for (int i = 0; i < STATM_DATA && at != NULL; i++) {
		at = strchr(at + 1, ' ');
	}
	return at != NULL ? strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0U;
}

void worker_bound_memory(const struct config *c)
{
	struct rlimit limit;
	const uint64_t now = private_bytes();

	if (now != 0U && getrlimit(RLIMIT_DATA, &limit) == 0) {
		if (now + ROOM_BYTES < limit.rlim_cur) {
			limit.rlim_cur = (rlim_t)(now + ROOM_BYTES);
		}
		if (setrlimit(RLIMIT_DATA, &limit) == 0) {
			return;
		}
	}
	shared_log(EVENT_WARNING,
		   "memory cannot be bounded: %s could make this process large with one message",
		   c->mqtt_host);
}

int worker_start_mqtt(struct worker *w)
{
	static char password_path[CONF_PATH_MAX];
	const struct config *c = &w->config;
	struct mqtt_config config = {
		.host = c->mqtt_host,
		.port = c->mqtt_port,
		.user = c->mqtt_user,
		.password_file = password_path,
		.credential = conf_secret_path(c->mqtt_password_file, password_path),
		.tls = c->mqtt_tls,
		.ca_file = c->mqtt_ca_file,
		.cert_file = c->mqtt_cert_file,
		.key_file = c->mqtt_key_file,
		.client_id = c->mqtt_client_id,
		.prefix = c->mqtt_prefix,
		.discovery = c->mqtt_discovery,
		.discovery_prefix = c->mqtt_discovery_prefix,
		.interval_ms = c->mqtt_interval_ms,
		.keepalive_s = c->mqtt_keepalive_ms / MS_PER_S,
		.commands = c->mqtt_commands,
		.allow_full_charge = c->core.allow_full_charge,
		.house = c->sma_enabled || c->goodwe_host[0] != '\0' ||
			 c->sems_portal != SEMS_PORTAL_NONE,
		.seed_topics = c->mqtt_seed_topics,
		.stale_ms = c->core.stale_ms,
		.max_ma = {c->core.max_ma[DIR_CHARGE], c->core.max_ma[DIR_DISCHARGE]},
		.telemetry = &w->stats->telemetry.head,
		.read_realtime = read_realtime,
		.context = w->stats,
		.orders = &w->network,
		.answers = &w->answers,
		.pause_min_ms = MQTT_PAUSE_MIN_MS,
		.pause_max_ms = MQTT_PAUSE_MAX_MS,
	};
	int r = init_rings(w);

	show_services(w, &config);
	if (r == 0) {
		r = mqtt_start(&w->mqtt, &config);
	}
	w->with_network = r == 0 && c->mqtt_commands;
	return r;
}
