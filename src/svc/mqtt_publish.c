/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent: states, availability, discovery, answers. */
#include "mqtt_publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "mqtt_link.h"

#define EXPIRE_TIMES 3
#define EXPIRE_MIN_S 30
#define SEED_PREFIX  "jk_pylon/"
#define DECIMAL	     10
#define SEED_TEXT    16U

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

const char *mqtt_topic(const struct mqtt *m, char *buf, const char *name)
{
	(void)snprintf(buf, MQTT_TOPIC_MAX, "%s/%s", m->config.prefix, name);
	return buf;
}

static void withhold(struct mqtt *m)
{
	m->count.withheld++;
	service_say(&m->service, EVENT_MQTT_SLOW, shown(m->count.withheld), 0, 0, 0);
}

/* A message that cannot leave now is not sent later. Return: 0; the reason why the link is of no use. */
static int publish(struct mqtt *m, const char *topic, const void *payload, size_t len, int qos,
		   bool retain)
{
	const int r = mqtt_link_publish(&m->link, topic, payload, len, qos, retain);

	if (r == 0) {
		m->count.published++;
	} else if (r == -EAGAIN) {
		withhold(m);
	}
	return r;
}

static void read_services(struct mqtt *m)
{
	struct mqtt_services *s = &m->values.services;

	s->count = m->config.services;
	for (uint32_t i = 0; i < s->count; i++) {
		struct service_health h;

		s->at[i].name = m->config.service[i].name;
		if (snapshot_try_read(m->config.service[i].health, &h, sizeof(h))) {
			s->at[i].health = h;
		}
		s->at[i].silent = service_hangs(&s->at[i].health, service_now());
	}
}

static void collect(struct mqtt *m)
{
	const struct mqtt_config *c = &m->config;
	struct mqtt_realtime rt;

	if (c->read_realtime != NULL && c->read_realtime(c->context, &rt)) {
		m->realtime = rt;
		m->know_realtime = true;
	}
	mqtt_values_of(m->know_telemetry ? &m->telemetry : NULL, c->stale_ms,
		       m->know_realtime ? &m->realtime : NULL, &m->count, &m->values);
	read_services(m);
}

/* Home Assistant takes "unknown" of a word for a word: nothing is said before something is known. */
static bool is_known(const struct mqtt *m, enum mqtt_group group)
{
	return group == MQTT_SERVICE ||
	       (group == MQTT_REALTIME ? m->know_realtime : m->know_telemetry);
}

static int64_t wall_s(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec : -1;
}

static int publish_group(struct mqtt *m, enum mqtt_group group)
{
	char topic[MQTT_TOPIC_MAX];
	const size_t len = mqtt_state_write(&m->values, group, wall_s(), m->text, MQTT_STATE_MAX);

	if (len == 0U || !is_known(m, group)) {
		return 0;
	}
	return publish(m, mqtt_topic(m, topic, mqtt_group_name(group)), m->text, len, 0, true);
}

/* All topics with the values of one moment. */
int mqtt_publish_round(struct mqtt *m)
{
	/* A round on top of one that the other side has not taken would be old when it gets there. */
	if (m->greeting == MQTT_GREETED && !mqtt_link_idle(&m->link)) {
		withhold(m);
		return 0;
	}
	collect(m);
	for (uint32_t g = 0; g < MQTT_GROUPS; g++) {
		const int r = publish_group(m, (enum mqtt_group)g);

		if (r == -EAGAIN) {
			return 0; /* what is left of the round is old when there is room */
		}
		if (r != 0) {
			return r;
		}
	}
	return 0;
}

/* A value each, as the original script named them. */
int mqtt_publish_seed(struct mqtt *m)
{
	static const struct {
		const char *topic;
		enum dir dir;
	} row[] = {
		{SEED_PREFIX "Battery_charge_current_limit", DIR_CHARGE},
		{SEED_PREFIX "Battery_discharge_current_limit", DIR_DISCHARGE},
	};

	m->seed_ns = service_now() + MQTT_SEED_MS * NS_PER_MS;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[SEED_TEXT];
		const int32_t ma = m->telemetry.limit_ma[row[i].dir];
		const int n = snprintf(text, sizeof(text), "%d.%d", ma / MS_PER_S,
				       ma % MS_PER_S / (MS_PER_S / DECIMAL));
		const int r = publish(m, row[i].topic, text, (size_t)n, 0, false);

		if (r != 0 && r != -EAGAIN) {
			return r;
		}
	}
	return 0;
}

int mqtt_publish_status(struct mqtt *m, const char *status)
{
	char topic[MQTT_TOPIC_MAX];

	return publish(m, mqtt_topic(m, topic, "status"), status, strlen(status), 1, true);
}

/* Of no use to Home Assistant any more: an empty message takes all of it back. */
static size_t discovery_text(struct mqtt *m)
{
	const struct mqtt_config *c = &m->config;
	struct mqtt_discovery d = {
		.prefix = c->prefix,
		.id = c->client_id,
		.cells = m->cells,
		.cells_before = m->cells_before,
		.services = c->services,
		.expire_s = max_i32(EXPIRE_TIMES * c->interval_ms / MS_PER_S, EXPIRE_MIN_S),
		.max_ma = {c->max_ma[DIR_CHARGE], c->max_ma[DIR_DISCHARGE]},
		.commands = c->commands,
		.full_charge = c->allow_full_charge,
		.house = c->house,
	};

	for (uint32_t i = 0; i < c->services; i++) {
		d.service[i] = c->service[i].name;
	}
	return c->discovery ? mqtt_discovery_write(&d, m->text, sizeof(m->text)) : 0U;
}

int mqtt_publish_discovery(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];

	(void)snprintf(topic, sizeof(topic), "%s/device/%s/config", m->config.discovery_prefix,
		       m->config.client_id);
	return publish(m, topic, m->text, discovery_text(m), 1, true);
}

/* The BMS reports another number of cells: those that are gone are taken back, then left out. */
int mqtt_publish_cells(struct mqtt *m)
{
	const uint32_t reported = m->telemetry.sample.cells;
	const uint32_t cells = reported == 0U || reported > SAMPLE_CELLS_MAX ? m->cells : reported;

	if (cells != m->cells) {
		m->cells_before = m->cells > m->cells_before ? m->cells : m->cells_before;
		m->cells = cells;
		m->announce = true;
	} else if (!m->announce && m->cells_before > m->cells) {
		m->cells_before = 0;
		m->announce = true;
	}
	if (!m->announce || !m->config.discovery) {
		return 0;
	}
	const int r = mqtt_publish_discovery(m);

	m->announce = r != 0;
	return r == -EAGAIN ? 0 : r;
}

int mqtt_publish_replies(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];
	uint32_t sent = 0;
	int r = 0;

	(void)mqtt_topic(m, topic, "reply");
	while (sent < m->replies && r == 0) {
		r = publish(m, topic, m->reply[sent].text, m->reply[sent].len, 1, false);
		sent++;
	}
	m->replies = 0; /* an answer that comes late is taken for one to something else */
	return r == -EAGAIN ? 0 : r;
}
