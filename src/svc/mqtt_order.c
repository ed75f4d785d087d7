/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_order.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"

#define SELDOM_MS 200

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void reply(struct mqtt *m, const char *name, const char *id, const char *verdict,
		  const char *reason)
{
	if (m->replies >= MQTT_REPLIES) {
		m->count.withheld++;
		return;
	}
	struct mqtt_reply *r = &m->reply[m->replies];

	r->len = mqtt_reply_write(name, id, verdict, reason, r->text, sizeof(r->text));
	if (r->len > 0U) {
		m->replies++;
	}
}

static void refuse(struct mqtt *m, const struct mqtt_order *order, enum mqtt_refusal why)
{
	m->count.refused++;
	service_say(&m->service, EVENT_MQTT_ORDER, shown(++m->not_understood), 0, 0, 0);
	reply(m, order->name, order->id, "refused", mqtt_refusal_text((int32_t)why));
}

/* A free place, or that of the oldest: its sender will not hear the end of it. */
static struct mqtt_pending *place(struct mqtt *m)
{
	struct mqtt_pending *oldest = &m->pending[0];

	for (uint32_t i = 0; i < MQTT_PENDING; i++) {
		struct mqtt_pending *p = &m->pending[i];

		if (p->seq == 0U) {
			return p;
		}
		if (m->seq - p->seq > m->seq - oldest->seq) {
			oldest = p;
		}
	}
	return oldest;
}

static void hand_over(struct mqtt *m, struct mqtt_order *order)
{
	m->seq = m->seq + 1U != 0U ? m->seq + 1U : 1U;
	order->command.seq = m->seq;
	order->command.sent_us = command_stamp(service_now());
	if (!ring_push(m->config.orders, &order->command)) {
		refuse(m, order, MQTT_BUSY);
		return;
	}
	struct mqtt_pending *p = place(m);

	p->seq = m->seq;
	p->heard = false;
	p->name = order->name;
	memcpy(p->id, order->id, sizeof(p->id));
}

/* The last level of the topic; what is subscribed to has no more of them. */
static const char *name_of(const char *topic)
{
	const char *slash = strrchr(topic, '/');

	return slash != NULL ? slash + 1 : topic;
}

/* Who floods must not push what else is to be told out of the ring. */
static void say_seldom(struct mqtt *m, enum event_id id, uint32_t count, int64_t *said_ns)
{
	const int64_t now_ns = service_now();

	if (time_ms_since(now_ns, *said_ns) >= SELDOM_MS) {
		*said_ns = now_ns;
		service_say(&m->service, id, shown(count), 0, 0, 0);
	}
}

void mqtt_order_take(struct mqtt *m, const char *topic, const void *payload, size_t len,
		     bool retained)
{
	struct mqtt_order order;

	if (!m->config.commands) {
		return;
	}
	if (retained) {
		/* What somebody once wanted: it says nothing about now (SAF-19). */
		m->count.ignored++;
		say_seldom(m, EVENT_MQTT_RETAINED, m->count.ignored, &m->retained_ns);
		return;
	}
	if (!mqtt_rate_take(&m->rate, service_now())) {
		say_seldom(m, EVENT_MQTT_FLOOD, ++m->flooded, &m->flooded_ns);
		m->count.ignored++;
		return;
	}
	const enum mqtt_refusal r = mqtt_command_parse(name_of(topic), payload, len, &order);

	if (r != MQTT_UNDERSTOOD) {
		refuse(m, &order, r);
	} else {
		hand_over(m, &order);
	}
}

static void answer(struct mqtt *m, struct mqtt_pending *p, const struct command_answer *a)
{
	const bool goes_on = a->verdict == COMMAND_ACCEPTED && a->kind != COMMAND_RELEASE;

	if (a->verdict == COMMAND_ACCEPTED) {
		m->count.taken++;
	} else if (a->verdict >= COMMAND_BAD_KIND) {
		m->count.refused++;
	}
	reply(m, p->name, p->id, mqtt_verdict_word(a->verdict),
	      a->verdict == COMMAND_ACCEPTED ? NULL : command_verdict_text((int32_t)a->verdict));
	p->heard = true;
	if (!goes_on) {
		p->seq = 0U;
	}
}

void mqtt_order_answers(struct mqtt *m)
{
	struct command_answer a;

	for (uint32_t n = 0;
	     n < MQTT_RING_ANSWERS && m->config.answers != NULL && ring_pop(m->config.answers, &a);
	     n++) {
		for (uint32_t i = 0; i < MQTT_PENDING; i++) {
			if (a.seq != 0U && m->pending[i].seq == a.seq) {
				answer(m, &m->pending[i], &a);
				break;
			}
		}
	}
}

bool mqtt_order_waits(const struct mqtt *m)
{
	for (uint32_t i = 0; i < MQTT_PENDING; i++) {
		if (m->pending[i].seq != 0U && !m->pending[i].heard) {
			return true;
		}
	}
	return false;
}
