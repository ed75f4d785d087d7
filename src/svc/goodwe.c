/* SPDX-License-Identifier: Apache-2.0 */
/* The service: where the inverter is, which protocol it speaks, a reading every so often. */
#include "svc/goodwe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/units.h"
#include "goodwe_read.h"
#include "lookup.h"

#define NICE 10

_Static_assert(sizeof(struct peer_sample) % 8U == 0U, "no padding travels in the snapshot");
_Static_assert(sizeof(struct goodwe_status) % 8U == 0U, "no padding travels in the snapshot");

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void say(struct goodwe *g, enum event_id id, int32_t a0, int32_t a1)
{
	service_say(&g->service, id, a0, a1, 0, 0);
}

static void publish_status(struct goodwe *g)
{
	snapshot_write(&g->status.head, &g->said, sizeof(g->said));
}

static uint32_t mode_of(const struct goodwe_battery *b)
{
	if (!goodwe_has_battery(b)) {
		return PEER_NO_BATTERY;
	}
	switch (b->mode) {
	case GOODWE_MODE_STANDBY:
	case GOODWE_MODE_TO_CHARGE:
	case GOODWE_MODE_TO_DISCHARGE:
		return PEER_IDLE;
	case GOODWE_MODE_DISCHARGE:
		return PEER_DISCHARGING;
	case GOODWE_MODE_CHARGE:
		return PEER_CHARGING;
	default:
		return PEER_UNKNOWN;
	}
}

static int32_t value_or_none(int32_t v)
{
	return v == GOODWE_NO_VALUE ? SOURCE_NO_VALUE : v;
}

struct peer_sample goodwe_sample_of(const struct goodwe_battery *b, int64_t now_ns)
{
	return (struct peer_sample){
		.t_ns = now_ns,
		.source = PEER_LOCAL,
		.mode = mode_of(b),
		.current_ma = value_or_none(b->current_ma),
		.power_w = value_or_none(b->power_w),
		.voltage_mv = value_or_none(b->voltage_mv),
		.soc_pct = value_or_none(b->soc_pct),
	};
}

/* Told once; the core judges the age by itself. */
static void look_at_age(struct goodwe *g)
{
	const int32_t age_ms = time_ms_since(service_now(), g->said.read_ns);

	if (g->said.read_ns != TIME_NEVER && g->said.stale == 0U && age_ms > g->config.stale_ms) {
		g->said.stale = 1U;
		say(g, EVENT_GOODWE_STALE, age_ms, 0);
	}
}

/* Return: 0, or -errno, told. */
static int end_lookup(struct goodwe *g)
{
	int error = 0;
	const int r = lookup_result(g->lookup, &g->address, &g->address_len, &error);

	if (r == -EAGAIN) {
		/* It is left to itself, and asked for its result the next time. */
		g->said.count.lookups++;
		say(g, EVENT_GOODWE_NAME_SLOW, GOODWE_LOOKUP_MS, 0);
		return -ETIMEDOUT;
	}
	lookup_drop(g->lookup);
	g->lookup = NULL;
	if (r != 0) {
		g->said.count.lookups++;
		say(g, EVENT_GOODWE_NO_NAME, error, 0);
	}
	return r;
}

/* An address is taken as it is; a name each time anew, because such a module's address changes. */
static int find_address(struct goodwe *g)
{
	const uint16_t port = (uint16_t)g->config.port;
	const int64_t deadline_ns = service_now() + GOODWE_LOOKUP_MS * NS_PER_MS;
	int r = lookup_numeric(g->config.host, port, &g->address, &g->address_len);

	if (r == 0) {
		return 0;
	}
	if (g->lookup == NULL) {
		r = lookup_start(g->config.host, port, &g->lookup);
		if (r != 0) {
			g->said.count.lookups++;
			say(g,
			    service_is_short(r) ? EVENT_NO_DESCRIPTORS : EVENT_GOODWE_UNREACHABLE,
			    -r, 0);
			return r;
		}
	}
	while (service_now() < deadline_ns) {
		const int events = service_wait(&g->service, lookup_fd(g->lookup), POLLIN,
						GOODWE_LOOKUP_MS);

		if (events == -ECANCELED) {
			return events;
		}
		if (events != 0) {
			break;
		}
	}
	return end_lookup(g);
}

static int open_goodwe(struct service *s, void *self)
{
	struct goodwe *g = self;

	(void)s;
	look_at_age(g);
	g->family = GOODWE_FAMILY_AUTO;
	g->confirmed = false;
	g->no_pack = false;
	g->due_ns = service_now();
	const int r = find_address(g);

	publish_status(g);
	return r;
}

/* Why a question has no answer, in the words of its remedy. */
static void complain(struct goodwe *g, int error)
{
	switch (error) {
	case -ECANCELED:
		return;
	case -EMFILE:
	case -ENFILE:
		say(g, EVENT_NO_DESCRIPTORS, -error, 0);
		return;
	case -ETIMEDOUT:
		say(g, EVENT_GOODWE_SILENT, shown(g->said.count.silent), 0);
		return;
	case -EBADMSG:
		return; /* told with each of them */
	case -EREMOTEIO:
		say(g, EVENT_GOODWE_REFUSED, shown(g->said.count.refused), 0);
		return;
	case -EPROTO:
		if (g->config.family != GOODWE_FAMILY_AUTO) {
			say(g,
			    g->config.family == GOODWE_FAMILY_AA55 ? EVENT_GOODWE_IS_MODBUS
								   : EVENT_GOODWE_IS_AA55,
			    0, 0);
		}
		return; /* else the other one is asked the next time */
	case -EAFNOSUPPORT:
	case -EPERM:
	case -EACCES:
		say(g, EVENT_GOODWE_NOT_ALLOWED, -error, 0);
		return;
	default:
		say(g, EVENT_GOODWE_UNREACHABLE, -error, 0);
		return;
	}
}

static bool same(const struct peer_sample *a, const struct peer_sample *b)
{
	return a->mode == b->mode && a->current_ma == b->current_ma && a->power_w == b->power_w &&
	       a->voltage_mv == b->voltage_mv && a->soc_pct == b->soc_pct;
}

static void tell_changes(struct goodwe *g, const struct peer_sample *new)
{
	const bool has = new->mode != PEER_NO_BATTERY;

	if (!g->confirmed) {
		say(g, g->family == GOODWE_FAMILY_AA55 ? EVENT_GOODWE_AA55 : EVENT_GOODWE_MODBUS, 0,
		    0);
	}
	if (!has && (g->had_battery || g->said.read_ns == TIME_NEVER)) {
		say(g, EVENT_GOODWE_NO_BATTERY, 0, 0);
	}
	if (g->said.unchanged == GOODWE_UNCHANGED_SAY) {
		say(g, EVENT_GOODWE_UNCHANGED, shown(g->said.unchanged), new->current_ma);
	}
	g->had_battery = has;
}

static void take_reading(struct goodwe *g, const struct goodwe_reading *r)
{
	const struct peer_sample new = goodwe_sample_of(&r->battery, r->t_ns);

	g->said.unchanged = g->said.read_ns != TIME_NEVER && same(&g->now, &new)
				    ? g->said.unchanged + 1U
				    : 0U;
	tell_changes(g, &new);
	g->now = new;
	g->confirmed = true;
	g->said.read_ns = new.t_ns;
	g->said.family = (uint32_t)g->family;
	g->said.mode = r->battery.mode;
	g->said.grid_power_w = r->grid_power_w;
	g->said.stale = 0U;
	g->said.count.readings++;
	snapshot_write(&g->sample.head, &g->now, sizeof(g->now));
	service_good(&g->service);
}

/*
 * Some ET inverters tell their name by AA55, and nothing else: who has never given a reading by one
 * protocol is asked by the other the next time.
 */
static void doubt_family(struct goodwe *g)
{
	if (g->family != GOODWE_FAMILY_AUTO && !g->confirmed) {
		g->modbus_first = g->family == GOODWE_FAMILY_AA55;
	} else if (g->confirmed) {
		g->modbus_first = g->family == GOODWE_FAMILY_MODBUS;
	}
}

static int read_once(struct goodwe *g)
{
	struct goodwe_reading reading = {0};
	int r = g->family == GOODWE_FAMILY_AUTO ? goodwe_meet(g) : 0;

	if (r == 0) {
		r = goodwe_read(g, &reading);
	}
	if (r == 0) {
		take_reading(g, &reading);
	} else {
		doubt_family(g);
		complain(g, r);
	}
	return r;
}

static int step_goodwe(struct service *s, void *self)
{
	struct goodwe *g = self;
	const int64_t now_ns = service_now();
	int r = 0;

	look_at_age(g);
	if (now_ns < g->due_ns) {
		(void)service_wait(s, -1, 0, sat_i32((g->due_ns - now_ns) / NS_PER_MS + 1));
	} else {
		g->due_ns = now_ns + g->config.poll_ms * NS_PER_MS;
		r = read_once(g);
	}
	publish_status(g);
	return r;
}

static void close_goodwe(struct service *s, void *self)
{
	(void)s;
	publish_status(self);
}

/* In a pause: its values grow old meanwhile. */
static void rest_goodwe(struct service *s, void *self)
{
	struct goodwe *g = self;
	const uint32_t before = g->said.stale;

	(void)s;
	look_at_age(g);
	if (g->said.stale != before) {
		publish_status(g);
	}
}

static void fini_goodwe(struct service *s, void *self)
{
	struct goodwe *g = self;
	const struct goodwe_count *c = &g->said.count;

	lookup_drop(g->lookup);
	g->lookup = NULL;
	service_say(s, EVENT_GOODWE_TOTAL, shown(c->readings), shown(c->silent), shown(c->damaged),
		    shown(c->foreign));
}

static const struct service_ops ops = {
	.name = "goodwe",
	.open = open_goodwe,
	.step = step_goodwe,
	.close = close_goodwe,
	.rest = rest_goodwe,
	.fini = fini_goodwe,
};

int goodwe_start(struct goodwe *g, const struct goodwe_config *config)
{
	if (config->poll_ms <= 0 || config->stale_ms <= 0 || config->answer_ms < 0 ||
	    config->pause_max_ms < 0 || config->port < 1 || config->port > UINT16_MAX) {
		return -EINVAL;
	}
	g->config = *config;
	g->config.answer_ms = config->answer_ms != 0 ? config->answer_ms : GOODWE_ANSWER_MS;
	const int32_t pause_max_ms = config->pause_max_ms != 0 ? config->pause_max_ms
							       : GOODWE_PAUSE_MAX_MS;
	const struct service_config service = {
		.ops = &ops,
		.self = g,
		.pause_min_ms = min_i32(config->poll_ms, pause_max_ms),
		.pause_max_ms = pause_max_ms,
		.nice = NICE,
	};

	g->had_battery = true;
	g->modbus_first = false;
	g->now.t_ns = TIME_NEVER;
	g->said.read_ns = TIME_NEVER;
	g->said.grid_power_w = GOODWE_NO_VALUE;
	snapshot_init(&g->sample.head, sizeof(struct peer_sample));
	snapshot_init(&g->status.head, sizeof(struct goodwe_status));
	return service_start(&g->service, &service);
}

int goodwe_stop(struct goodwe *g)
{
	return service_stop(&g->service);
}
