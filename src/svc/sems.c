/* SPDX-License-Identifier: Apache-2.0 */
/* The service: when the portal is asked, what becomes of its answers, and what is told. */
#include "svc/sems.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "sems_client.h"
#include "sems_fresh.h"

#define NICE	  10
#define STACK	  ((uint32_t)256 * 1024) /* TLS, and the parser: SEMS_DEPTH_MAX */
#define LOOK_MS	  1000
#define CODE_PART 4U /* characters of a code in one argument of an event */

_Static_assert(sizeof(struct peer_sample) % 8U == 0U, "no padding travels in the snapshot");
_Static_assert(sizeof(struct sems_status) % 8U == 0U, "no padding travels in the snapshot");
_Static_assert(SEMS_CODE_MAX == 2U * CODE_PART + 1U, "a code is told in two arguments");

/**
 * struct sems_private - what the thread has besides the session
 */
struct sems_private {
	struct sems_client client; /* first: it is what is allocated */
	struct sems_fresh fresh;
};

static struct sems_fresh *fresh_of(struct sems *s)
{
	return &((struct sems_private *)s->client)->fresh;
}

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void say(struct sems *s, enum event_id id, int32_t a0, int32_t a1)
{
	service_say(&s->service, id, a0, a1, 0, 0);
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

static void publish_status(struct sems *s)
{
	s->said.count = s->client->count;
	snapshot_write(&s->status.head, &s->said, sizeof(s->said));
}

struct peer_sample sems_sample_of(const struct sems_values *v, int64_t t_ns)
{
	return (struct peer_sample){
		.t_ns = t_ns,
		.source = PEER_SEMS,
		.mode = v->mode,
		.current_ma = v->current_ma,
		.power_w = v->power_w,
		.voltage_mv = v->voltage_mv,
		.soc_pct = v->soc_pct,
	};
}

/* Told once; the core judges the age by itself. */
static void look_at_age(struct sems *s)
{
	const int32_t age_ms = time_ms_since(service_now(), s->now.t_ns);

	if (s->now.t_ns != TIME_NEVER && s->said.stale == 0U && age_ms > s->config.stale_ms) {
		s->said.stale = 1U;
		say(s, EVENT_SEMS_STALE, age_ms, 0);
	}
}

/* Four characters in one argument, the first in the lowest byte. */
static int32_t code_part(const char *code)
{
	uint32_t v = 0;

	for (size_t i = 0; i < CODE_PART && code[i] != '\0'; i++) {
		v |= (uint32_t)(unsigned char)code[i] << (8U * i);
	}
	return (int32_t)v;
}

/* What is told of a verdict, with what in its arguments. */
enum tell {
	TELL_NOTHING,
	TELL_CODE,
	TELL_ERROR,
	TELL_STATUS,
	TELL_TIMEOUT,
	TELL_FAILURES,
	TELL_STATIONS,
};

static const struct {
	enum event_id id;
	enum tell tell;
} told[SEMS_VERDICTS] = {
	[SEMS_NO_VALUE] = {EVENT_SEMS_EMPTY, TELL_NOTHING},
	[SEMS_NOT_JSON] = {EVENT_SEMS_NOT_JSON, TELL_FAILURES},
	[SEMS_TOO_MUCH] = {EVENT_SEMS_TOO_MUCH, TELL_NOTHING},
	[SEMS_NO_CODE] = {EVENT_SEMS_NOT_JSON, TELL_FAILURES},
	[SEMS_REFUSED] = {EVENT_SEMS_REFUSED, TELL_CODE},
	[SEMS_EXPIRED] = {EVENT_SEMS_EXPIRED, TELL_CODE},
	[SEMS_PASSWORD] = {EVENT_SEMS_PASSWORD, TELL_CODE},
	[SEMS_BUSY] = {EVENT_SEMS_BUSY, TELL_CODE},
	[SEMS_FORBIDDEN] = {EVENT_SEMS_FORBIDDEN, TELL_CODE},
	[SEMS_IMPLAUSIBLE] = {EVENT_SEMS_IMPLAUSIBLE, TELL_FAILURES},
	[SEMS_CONTRADICTION] = {EVENT_SEMS_IMPLAUSIBLE, TELL_FAILURES},
	[SEMS_NO_LIBRARY] = {EVENT_SEMS_NO_LIBRARY, TELL_NOTHING},
	[SEMS_NO_LOGIN] = {EVENT_SEMS_LOGIN_FILE, TELL_ERROR},
	[SEMS_NO_NAME] = {EVENT_SEMS_NO_NAME, TELL_ERROR},
	[SEMS_NAME_SLOW] = {EVENT_SEMS_NAME_SLOW, TELL_TIMEOUT},
	[SEMS_UNREACHABLE] = {EVENT_SEMS_UNREACHABLE, TELL_ERROR},
	[SEMS_NOT_ALLOWED] = {EVENT_SEMS_NOT_ALLOWED, TELL_ERROR},
	[SEMS_CERTIFICATE] = {EVENT_SEMS_CERTIFICATE, TELL_NOTHING},
	[SEMS_TLS] = {EVENT_SEMS_TLS, TELL_NOTHING},
	[SEMS_SLOW] = {EVENT_SEMS_SLOW, TELL_TIMEOUT},
	[SEMS_FOREIGN] = {EVENT_SEMS_FOREIGN, TELL_NOTHING},
	[SEMS_STATUS] = {EVENT_SEMS_STATUS, TELL_STATUS},
	[SEMS_NO_ROUTE] = {EVENT_SEMS_STATUS, TELL_STATUS},
	[SEMS_NO_STATION] = {EVENT_SEMS_STATIONS, TELL_STATIONS},
	[SEMS_STATIONS] = {EVENT_SEMS_STATIONS, TELL_STATIONS},
};

static void complain(struct sems *s, enum sems_verdict v)
{
	const struct sems_client *c = s->client;

	if (v == SEMS_OK || v >= SEMS_CANCELED) {
		return;
	}
	switch (told[v].tell) {
	case TELL_CODE:
		say(s, told[v].id, code_part(c->code),
		    strlen(c->code) > CODE_PART ? code_part(c->code + CODE_PART) : 0);
		return;
	case TELL_ERROR:
		say(s, service_is_short(-c->error) ? EVENT_NO_DESCRIPTORS : told[v].id, c->error,
		    0);
		return;
	case TELL_STATUS:
		say(s, told[v].id, c->status, 0);
		return;
	case TELL_TIMEOUT:
		say(s, told[v].id, s->config.timeout_ms, 0);
		return;
	case TELL_FAILURES:
		say(s, told[v].id, shown(c->count.failures), 0);
		return;
	case TELL_STATIONS:
		say(s, told[v].id, v == SEMS_STATIONS ? shown(c->stations.count) : 0, 0);
		return;
	case TELL_NOTHING:
	default:
		say(s, told[v].id, 0, 0);
		return;
	}
}

static void tell_changes(struct sems *s, const struct peer_sample *new)
{
	const bool has = new->mode != PEER_NO_BATTERY;

	if (!s->answered && has) {
		say(s, EVENT_SEMS_READS, new->power_w, max_i32(new->soc_pct, 0));
	}
	if (!has && s->had_battery) {
		say(s, EVENT_SEMS_NO_BATTERY, 0, 0);
	}
	s->answered = true;
	s->had_battery = has;
}

static void take_reading(struct sems *s, const struct sems_values *v)
{
	const int64_t now_ns = service_now();
	const int64_t t_ns = sems_fresh_take(fresh_of(s), v->stamp_kind, v->stamp, now_ns,
					     wall_ms());
	const struct peer_sample new = sems_sample_of(v, t_ns);

	s->said.read_ns = now_ns;
	service_good(&s->service);
	if (t_ns == s->now.t_ns || t_ns == TIME_NEVER) {
		s->client->count.unchanged++;
	}
	if (t_ns == TIME_NEVER || t_ns < s->now.t_ns) {
		return; /* what is older than what is known says nothing */
	}
	if (time_ms_since(now_ns, t_ns) <= s->config.stale_ms) {
		tell_changes(s, &new);
		s->said.stale = 0U;
	}
	s->now = new;
	snapshot_write(&s->sample.head, &s->now, sizeof(s->now));
}

/* How long the portal is left alone beyond the usual pause. */
static int32_t extra_pause_ms(const struct sems *s, enum sems_verdict v)
{
	switch ((int)v) {
	case SEMS_BUSY:
		return s->config.busy_ms;
	case SEMS_FORBIDDEN:
	case SEMS_NO_STATION:
	case SEMS_STATIONS:
		return s->config.pause_max_ms; /* somebody has to do something */
	default:
		return 0;
	}
}

static int read_once(struct sems *s)
{
	struct sems_values values = {0};
	enum sems_verdict v = sems_client_read(s->client, &values);

	if (v == SEMS_OK && values.mode == PEER_UNKNOWN) {
		v = SEMS_NO_VALUE;
		s->client->count.failures++;
	}
	s->said.verdict = v;
	if (v == SEMS_CANCELED) {
		return -ECANCELED;
	}
	if (v == SEMS_OK) {
		take_reading(s, &values);
		return 0;
	}
	complain(s, v);
	if (v == SEMS_PASSWORD) {
		/* Each further try counts there, and ends in an account that is locked. */
		s->said.stopped = 1U;
		sems_client_close(s->client);
		return 0;
	}
	service_defer(&s->service, extra_pause_ms(s, v));
	return -EIO;
}

static int open_sems(struct service *service, void *self)
{
	struct sems *s = self;
	const int64_t now_ns = service_now();

	s->client->wait.stop_fd = service_stop_fd(service);
	s->answered = false;
	/* A worker that is started again and again must not log in as often. */
	s->due_ns = s->opened_once ? now_ns
				   : now_ns + min_i32(s->config.poll_ms, SEMS_FIRST_MS) * NS_PER_MS;
	s->opened_once = true;
	return 0;
}

/* A signature with a wrong time is refused, and so is a certificate: the time must be right first. */
static bool clock_is_set(struct sems *s)
{
	const int64_t now_ns = service_now();

	if (now_ns < s->clock_ns) {
		return false;
	}
	if (sems_clock_is_set(s->config.clock_wait_ms)) {
		return true;
	}
	s->clock_ns = now_ns + SEMS_CLOCK_LOOK_MS * NS_PER_MS;
	if (!s->clock_told) {
		s->clock_told = true;
		say(s, EVENT_SEMS_CLOCK, 0, 0);
	}
	return false;
}

static int step_sems(struct service *service, void *self)
{
	struct sems *s = self;
	const int64_t now_ns = service_now();
	int32_t wait_ms = 0;
	int r = 0;

	look_at_age(s);
	if (now_ns < s->due_ns) {
		wait_ms = sat_i32((s->due_ns - now_ns) / NS_PER_MS + 1);
	} else if (s->said.stopped != 0U || !clock_is_set(s)) {
		wait_ms = LOOK_MS;
	}
	if (wait_ms > 0) {
		/* Not longer than it takes to see that a value has become old. */
		(void)service_wait(service, -1, 0, min_i32(wait_ms, LOOK_MS));
	} else {
		s->due_ns = now_ns + s->config.poll_ms * NS_PER_MS;
		r = read_once(s);
	}
	publish_status(s);
	return r;
}

/* The session outlives a pause: a new login would be one more request. */
static void close_sems(struct service *service, void *self)
{
	(void)service;
	publish_status(self);
}

/* In a pause: its values grow old meanwhile. */
static void rest_sems(struct service *service, void *self)
{
	struct sems *s = self;
	const uint32_t before = s->said.stale;

	(void)service;
	look_at_age(s);
	if (s->said.stale != before) {
		publish_status(s);
	}
}

static void fini_sems(struct service *service, void *self)
{
	struct sems *s = self;
	const struct sems_count *c = &s->client->count;

	sems_client_close(s->client);
	service_say(service, EVENT_SEMS_TOTAL, shown(c->readings), shown(c->unchanged),
		    shown(c->failures), shown(c->logins));
}

static const struct service_ops ops = {
	.name = "sems",
	.open = open_sems,
	.step = step_sems,
	.close = close_sems,
	.rest = rest_sems,
	.fini = fini_sems,
};

static int wait_service(void *context, int fd, short events, int32_t ms)
{
	return service_wait(context, fd, events, ms);
}

static bool config_ok(const struct sems_config *c)
{
	return (c->portal == SEMS_PORTAL_PLUS || c->portal == SEMS_PORTAL_LEGACY) &&
	       c->poll_ms > 0 && c->stale_ms > 0 && c->timeout_ms > 0 && c->clock_wait_ms >= 0 &&
	       c->pause_max_ms >= 0 && c->busy_ms >= 0;
}

int sems_start(struct sems *s, const struct sems_config *config)
{
	if (!config_ok(config)) {
		return -EINVAL;
	}
	/* Only where it is wanted: all memory is locked. It lives as long as the process. */
	struct sems_private *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		return -ENOMEM;
	}
	s->config = *config;
	s->config.pause_max_ms = config->pause_max_ms != 0 ? config->pause_max_ms
							   : SEMS_PAUSE_MAX_MS;
	s->config.busy_ms = config->busy_ms != 0 ? config->busy_ms : SEMS_BUSY_MS;
	s->client = &p->client;
	s->client->config = &s->config;
	s->client->wait = (struct sems_wait){wait_service, &s->service, -1};
	s->had_battery = true;
	s->now.t_ns = TIME_NEVER;
	s->said.read_ns = TIME_NEVER;
	snapshot_init(&s->sample.head, sizeof(struct peer_sample));
	snapshot_init(&s->status.head, sizeof(struct sems_status));

	const struct service_config service = {
		.ops = &ops,
		.self = s,
		.pause_min_ms = min_i32(config->poll_ms, s->config.pause_max_ms),
		.pause_max_ms = s->config.pause_max_ms,
		.stack_bytes = STACK,
		.nice = NICE,
	};
	const int r = service_start(&s->service, &service);

	if (r != 0) {
		free(p);
		s->client = NULL;
	}
	return r;
}

int sems_stop(struct sems *s)
{
	return service_stop(&s->service);
}
