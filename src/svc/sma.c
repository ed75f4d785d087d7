/* SPDX-License-Identifier: Apache-2.0 */
/* What is heard, what is believed of it, what is told about the rest. */
#include "svc/sma.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "sma_socket.h"

#define WAIT_MS	   1000
#define CHECK_MS   1000
#define NICE	   10
#define DW_PER_W   10
#define FORGET_MS  600000 /* another meter may take the place of one that is silent for so long */
#define TOLD_FIRST 1U

/* What is told at most once a second: the logger has more to do than to read of a flood. */
enum told {
	TOLD_DAMAGED = 1,
	TOLD_SOURCE = 2,
	TOLD_TICKER = 4,
	TOLD_POWER = 8,
};

_Static_assert(sizeof(struct sma_status) % 8U == 0U, "no padding travels in the snapshot");
_Static_assert(sizeof(struct sma_heard) == 32U, "no padding travels in the snapshot");

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void say(struct sma *s, enum event_id id, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
	service_say(&s->service, id, (int32_t)a0, (int32_t)a1, (int32_t)a2, (int32_t)a3);
}

static void say_sometimes(struct sma *s, enum told what, enum event_id id, uint32_t a0, uint32_t a1,
			  uint32_t a2, uint32_t a3)
{
	if ((s->told & (uint32_t)what) == 0U) {
		s->told |= (uint32_t)what;
		say(s, id, a0, a1, a2, a3);
	}
}

static void publish(struct sma *s)
{
	s->now.follows = s->meter.follows ? 1U : 0U;
	s->now.serial = s->meter.serial;
	s->now.source = s->meter.source;
	s->now.restarts = s->meter.restarts;
	snapshot_write(&s->status.head, &s->now, sizeof(s->now));
}

static int tell_failure(struct sma *s, enum sma_socket_part part, int error)
{
	if (service_is_short(error)) {
		say(s, EVENT_NO_DESCRIPTORS, (uint32_t)-error, 0, 0, 0);
		return error;
	}
	switch (part) {
	case SMA_SOCKET_PORT:
		say(s, EVENT_SMA_NO_PORT, (uint32_t)s->config.port, (uint32_t)-error, 0, 0);
		break;
	case SMA_SOCKET_JOIN:
		say(s, EVENT_SMA_NO_JOIN, (uint32_t)-error, 0, 0, 0);
		break;
	case SMA_SOCKET_INTERFACE:
		say(s, error == -ENETDOWN ? EVENT_SMA_DOWN : EVENT_SMA_NO_INTERFACE, 0, 0, 0, 0);
		break;
	case SMA_SOCKET_SOCKET:
	default:
		say(s, EVENT_SMA_NO_SOCKET, (uint32_t)-error, 0, 0, 0);
		break;
	}
	return error;
}

static int sma_open(struct service *service, void *self)
{
	struct sma *s = self;
	enum sma_socket_part part = SMA_SOCKET_SOCKET;
	struct in_addr group = {0};

	(void)inet_pton(AF_INET, s->config.group, &group); /* it was right at the start */
	const int r = sma_socket_open(s->config.interface, ntohl(group.s_addr), s->config.port,
				      &s->fd, &s->index, &part);

	if (r != 0) {
		return tell_failure(s, part, r);
	}
	s->now.opens++;
	s->now.filtering = 0U;
	s->full_steps = 0U;
	s->others = 0U;
	s->filter_ns = TIME_NEVER;
	s->meter_ns = service_now();
	s->empty_ns = s->meter_ns;
	service_say(service, EVENT_SMA_JOINED, (int32_t)s->index, 0, 0, 0);
	publish(s);
	return 0;
}

static void sma_close(struct service *service, void *self)
{
	struct sma *s = self;

	(void)service;
	(void)close(s->fd);
	s->fd = -1;
}

/* Place in the table of what is heard: its own, a free one, one long silent; or NULL. */
static struct sma_heard *place_of(struct sma *s, uint32_t serial, uint32_t source, int64_t now_ns)
{
	struct sma_heard *free_one = NULL;

	for (uint32_t i = 0; i < SMA_HEARD; i++) {
		struct sma_heard *h = &s->now.heard[i];

		if (h->seen_ns != TIME_NEVER && h->serial == serial && h->source == source) {
			return h;
		}
		if (free_one == NULL && time_ms_since(now_ns, h->seen_ns) > FORGET_MS) {
			free_one = h;
		}
	}
	if (free_one != NULL) {
		*free_one = (struct sma_heard){.serial = serial, .source = source};
	}
	return free_one;
}

/* Return: true if it is heard for the first time. */
static bool remember(struct sma *s, const struct meter_reading *r)
{
	struct sma_heard *h = place_of(s, r->serial, r->source, r->t_ns);

	if (h == NULL) {
		return false;
	}
	h->seen_ns = r->t_ns;
	h->susy = s->decoded.susy;
	h->power_w = round_div(r->power_dw, DW_PER_W);
	return ++h->count == TOLD_FIRST;
}

static void tell_dropped(struct sma *s, const struct meter_reading *r, enum meter_verdict v,
			 bool first)
{
	const uint32_t power_w = (uint32_t)round_div(r->power_dw, DW_PER_W);
	const uint32_t *count = s->now.verdict;

	switch (v) {
	case METER_NOT_NAMED:
	case METER_OTHER_SERIAL:
		if (first) {
			say(s, v == METER_NOT_NAMED ? EVENT_SMA_NOT_NAMED : EVENT_SMA_OTHER_SERIAL,
			    r->serial, r->source, power_w, 0);
		}
		break;
	case METER_OTHER_SOURCE:
		say_sometimes(s, TOLD_SOURCE, EVENT_SMA_OTHER_SOURCE, r->serial, r->source,
			      s->meter.source, (uint32_t)shown(count[v]));
		break;
	case METER_BACKWARDS:
	case METER_AHEAD:
		say_sometimes(s, TOLD_TICKER, EVENT_SMA_TICKER, s->meter.ticker_ms, r->ticker_ms,
			      (uint32_t)shown(count[METER_BACKWARDS] + count[METER_AHEAD]), 0);
		break;
	case METER_TOO_MUCH:
	case METER_STEP:
		say_sometimes(s, TOLD_POWER, EVENT_SMA_IMPLAUSIBLE, power_w,
			      (uint32_t)s->config.meter.max_power_w,
			      (uint32_t)shown(count[METER_TOO_MUCH] + count[METER_STEP]), 0);
		break;
	case METER_TAKEN:
	case METER_REPEATED: /* several interfaces of one network */
	case METER_VERDICTS:
	default:
		break;
	}
}

static void take(struct sma *s, const struct meter_reading *r, bool *changed)
{
	const uint32_t serial = s->meter.serial;
	const uint32_t source = s->meter.source;
	const uint32_t restarts = s->meter.restarts;
	const bool followed = s->meter.follows;
	int32_t power_w = 0;
	const bool first = remember(s, r);
	const enum meter_verdict v = meter_step(&s->meter, r, &power_w);

	s->now.verdict[v]++;
	if (s->meter.follows &&
	    (!followed || s->meter.serial != serial || s->meter.source != source)) {
		say(s, EVENT_SMA_FOLLOWS, r->serial, r->source,
		    (uint32_t)round_div(r->power_dw, DW_PER_W), 0);
	}
	if (s->meter.restarts != restarts) {
		say(s, EVENT_SMA_RESTARTED, 0, 0, 0, 0);
	}
	if (v != METER_TAKEN) {
		tell_dropped(s, r, v, first);
		return;
	}
	const struct grid_sample sample = {
		.t_ns = r->t_ns, .power_w = power_w, .serial = r->serial};

	snapshot_write(&s->grid.head, &sample, sizeof(sample));
	*changed = true;
}

/*
 * When it arrived. The kernel's stamp is of the wall clock, which may be set: but it cannot have
 * come before the queue was seen empty, nor after now.
 */
static int64_t arrival_ns(const struct sma *s, const struct sma_arrival *a, int64_t now_ns)
{
	const int64_t most_ns = max_i64(now_ns - s->empty_ns, 0);

	return now_ns - clamp_i64(a->age_ns, 0, most_ns);
}

static void judge(struct sma *s, const struct sma_arrival *a, int64_t now_ns, bool *good)
{
	s->now.datagrams++;
	if (a->index != s->index) {
		s->now.elsewhere++;
		return;
	}
	s->others++;
	if (a->len > sizeof(s->datagram)) {
		s->now.oversized++;
		return;
	}
	const enum speedwire_verdict v = speedwire_decode(s->datagram, a->len, &s->decoded);

	s->now.kind[v]++;
	if (v >= SPEEDWIRE_DAMAGED) {
		uint32_t damaged = 0;

		for (uint32_t i = SPEEDWIRE_DAMAGED; i < SPEEDWIRE_VERDICTS; i++) {
			damaged += s->now.kind[i];
		}
		say_sometimes(s, TOLD_DAMAGED, EVENT_SMA_DAMAGED, (uint32_t)shown(damaged), v, 0,
			      0);
	}
	if (v != SPEEDWIRE_OK) {
		return;
	}
	const struct meter_reading r = {
		.t_ns = arrival_ns(s, a, now_ns),
		.serial = s->decoded.serial,
		.source = a->source,
		.ticker_ms = s->decoded.ticker_ms,
		.power_dw = speedwire_power_dw(&s->decoded),
	};

	s->meter_ns = now_ns;
	s->others = 0U;
	take(s, &r, good);
}

/* Return: -errno of the socket; what is left in the queue after a burst comes next time. */
static int drain(struct sma *s, bool *good, uint32_t *ret_source)
{
	const int64_t now_ns = service_now();
	struct sma_arrival a = {0};
	uint32_t n = 0;
	int r = 0;

	while (n < SMA_BURST &&
	       (r = sma_socket_read(s->fd, s->datagram, sizeof(s->datagram), &a)) == 0) {
		*ret_source = a.source;
		judge(s, &a, now_ns, good);
		n++;
	}
	s->full_steps = n >= SMA_FLOOD_BURST ? s->full_steps + 1U : 0U;
	if (r == -EAGAIN) {
		s->empty_ns = now_ns;
		r = 0;
	}
	return r;
}

/*
 * In a flood the queue is full of other things when the meter's datagram comes. The kernel can drop
 * them before they take room, if it is known what is wanted.
 */
static void watch_flood(struct sma *s, uint32_t source)
{
	const struct meter_config *meter = &s->config.meter;
	const uint32_t serial = meter->who == METER_SERIAL ? meter->serial : 0U;
	const uint32_t wanted = s->meter.follows ? s->meter.source : 0U;
	const int64_t now_ns = service_now();

	if (s->filter_ns != TIME_NEVER && now_ns >= s->filter_ns) {
		sma_socket_unfilter(s->fd);
		s->filter_ns = TIME_NEVER;
		s->now.filtering = 0U;
		s->full_steps = 0U;
	}
	if (s->full_steps >= SMA_FLOOD_STEPS && s->filter_ns == TIME_NEVER &&
	    (serial != 0U || wanted != 0U) && sma_socket_filter(s->fd, wanted, serial) == 0) {
		s->filter_ns = now_ns + s->config.calm_ms * NS_PER_MS;
		s->now.filtering = 1U;
		s->now.floods++;
		say(s, EVENT_SMA_FLOOD, source, (uint32_t)s->config.calm_ms, 0, 0);
	}
}

/* Return: 0 or why the group has to be joined again. */
static int check_link(struct sma *s)
{
	const int r = sma_socket_check(s->fd, s->config.interface, s->index);
	const int32_t silent_ms = time_ms_since(service_now(), s->meter_ns);

	if (r != 0) {
		return tell_failure(s, SMA_SOCKET_INTERFACE, r);
	}
	if (silent_ms > s->config.silent_ms) {
		say(s, EVENT_SMA_SILENT, (uint32_t)silent_ms, (uint32_t)shown(s->others), 0, 0);
		return -ETIMEDOUT;
	}
	return 0;
}

static int sma_step(struct service *service, void *self)
{
	struct sma *s = self;
	uint32_t source = 0;
	bool good = false;
	int r = service_wait(service, s->fd, POLLIN, min_i32(WAIT_MS, s->config.silent_ms));

	if (r < 0) {
		return r;
	}
	r = drain(s, &good, &source);
	if (r != 0) {
		return r;
	}
	watch_flood(s, source);
	publish(s);
	if (good) {
		service_good(service);
	}
	if (time_ms_since(service_now(), s->checked_ns) >= min_i32(CHECK_MS, s->config.silent_ms)) {
		s->checked_ns = service_now();
		s->told = 0U;
		r = check_link(s);
	}
	if (r == 0) {
		(void)service_wait(service, -1, 0, SMA_REST_MS);
	}
	return r;
}

static void sma_fini(struct service *service, void *self)
{
	const struct sma *s = self;
	const struct sma_status *now = &s->now;
	uint32_t foreign = now->oversized + now->elsewhere;
	uint32_t damaged = 0;

	for (uint32_t i = SPEEDWIRE_NOT_SMA; i < SPEEDWIRE_DAMAGED; i++) {
		foreign += now->kind[i];
	}
	for (uint32_t i = SPEEDWIRE_DAMAGED; i < SPEEDWIRE_VERDICTS; i++) {
		damaged += now->kind[i];
	}
	service_say(service, EVENT_SMA_TOTAL, shown(now->verdict[METER_TAKEN]), shown(foreign),
		    shown(damaged), shown(now->kind[SPEEDWIRE_OK] - now->verdict[METER_TAKEN]));
}

static const struct service_ops sma_ops = {
	.name = "sma",
	.open = sma_open,
	.step = sma_step,
	.close = sma_close,
	.fini = sma_fini,
};

int sma_start(struct sma *s, const struct sma_config *config)
{
	const struct service_config service = {
		.ops = &sma_ops,
		.self = s,
		.pause_min_ms = config->pause_min_ms,
		.pause_max_ms = config->pause_max_ms,
		.nice = NICE,
	};
	struct in_addr group;

	if (inet_pton(AF_INET, config->group, &group) != 1 || !IN_MULTICAST(ntohl(group.s_addr)) ||
	    config->port < 1 || config->port > UINT16_MAX || config->silent_ms <= 0 ||
	    config->meter.max_power_w <= 0) {
		return -EINVAL;
	}
	s->config = *config;
	s->fd = -1;
	s->checked_ns = TIME_NEVER;
	for (uint32_t i = 0; i < SMA_HEARD; i++) {
		s->now.heard[i].seen_ns = TIME_NEVER;
	}
	meter_init(&s->meter, &config->meter);
	snapshot_init(&s->grid.head, sizeof(struct grid_sample));
	snapshot_init(&s->status.head, sizeof(struct sma_status));
	return service_start(&s->service, &service);
}

int sma_stop(struct sma *s)
{
	return service_stop(&s->service);
}
