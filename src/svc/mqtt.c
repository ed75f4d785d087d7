/* SPDX-License-Identifier: Apache-2.0 */
/* When what is published, and when it is tried again. */
#include "svc/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "mqtt_link.h"
#include "mqtt_order.h"

#define NICE	     10
#define STACK	     ((uint32_t)256 * 1024) /* name service and TLS of the libraries */
#define TICK_MS	     200		    /* a change of the ladder is published after that */
#define ANSWER_MS    20			    /* while the core owes a word */
#define EXPIRE_TIMES 3
#define EXPIRE_MIN_S 30
#define MS_PER_S     1000
#define SEED_PREFIX  "jk_pylon/"
#define DECIMAL	     10
#define CODE_LOGIN   4 /* and 5: not allowed; what is below has other reasons */

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static const char *topic_of(const struct mqtt *m, char *buf, const char *name)
{
	(void)snprintf(buf, MQTT_TOPIC_MAX, "%s/%s", m->config.prefix, name);
	return buf;
}

/* A message that cannot leave now is not sent later. Return: 0; the reason why the link is of no use. */
static int publish(struct mqtt *m, const char *topic, const void *payload, size_t len, int qos,
		   bool retain)
{
	const int r = mqtt_link_publish(&m->link, topic, payload, len, qos, retain);

	if (r == 0) {
		m->count.published++;
	} else if (r == -EAGAIN) {
		m->count.withheld++;
		service_say(&m->service, EVENT_MQTT_SLOW, shown(m->count.withheld), 0, 0, 0);
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
		s->at[i].silent = s->at[i].health.state != SERVICE_OFF &&
				  time_ms_since(service_now(), s->at[i].health.moved_ns) >
					  SERVICE_SILENT_MS;
	}
}

/* The writer was at work: what was read 200 ms ago is as good. */
static void look(struct mqtt *m)
{
	const struct mqtt_config *c = &m->config;

	if (snapshot_try_read(c->telemetry, &m->scratch, sizeof(m->scratch))) {
		m->telemetry = m->scratch;
		m->know_telemetry = true;
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
	return publish(m, topic_of(m, topic, mqtt_group_name(group)), m->text, len, 0, true);
}

/* All topics with the values of one moment. */
static int publish_round(struct mqtt *m)
{
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
static int publish_seed(struct mqtt *m)
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
		char text[16];
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

static int publish_status(struct mqtt *m, const char *status)
{
	char topic[MQTT_TOPIC_MAX];

	return publish(m, topic_of(m, topic, "status"), status, strlen(status), 1, true);
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
	};

	for (uint32_t i = 0; i < c->services; i++) {
		d.service[i] = c->service[i].name;
	}
	return c->discovery ? mqtt_discovery_write(&d, m->text, sizeof(m->text)) : 0U;
}

static int publish_discovery(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];

	(void)snprintf(topic, sizeof(topic), "%s/device/%s/config", m->config.discovery_prefix,
		       m->config.client_id);
	return publish(m, topic, m->text, discovery_text(m), 1, true);
}

static int subscribe(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];

	return m->config.commands ? mqtt_link_subscribe(&m->link, topic_of(m, topic, "set/+")) : 0;
}

/* One thing after the other, as the broker takes them. */
static int greet(struct mqtt *m)
{
	int r = 0;

	while (r == 0 && m->greeting != MQTT_GREETED && mqtt_link_ready(&m->link)) {
		switch (m->greeting) {
		case MQTT_GREET_STATE:
			r = publish_round(m);
			m->due_ns = service_now() + m->config.interval_ms * NS_PER_MS;
			break;
		case MQTT_GREET_ONLINE:
			r = publish_status(m, "online");
			break;
		case MQTT_GREET_DISCOVERY:
			r = publish_discovery(m);
			break;
		case MQTT_GREET_SUBSCRIBE:
			r = subscribe(m);
			break;
		case MQTT_GREETED:
		default:
			break;
		}
		if (r == 0) {
			m->greeting++;
		}
	}
	return r == -EAGAIN ? 0 : r;
}

/* What should not wait for the next round. */
static bool changed(struct mqtt *m)
{
	const struct telemetry *t = &m->telemetry;
	const bool now = t->step != m->seen_step || t->latched != m->seen_latched ||
			 t->relay != m->seen_relay;

	m->seen_step = t->step;
	m->seen_latched = t->latched;
	m->seen_relay = t->relay;
	return now;
}

/* The BMS reports another number of cells: those that are gone are taken back, then left out. */
static int announce_cells(struct mqtt *m)
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
	const int r = publish_discovery(m);

	m->announce = r != 0;
	return r == -EAGAIN ? 0 : r;
}

static int publish_due(struct mqtt *m)
{
	int r = 0;

	if (changed(m) || service_now() >= m->due_ns) {
		m->due_ns = service_now() + m->config.interval_ms * NS_PER_MS;
		r = announce_cells(m);
		r = r != 0 ? r : publish_round(m);
		if (r == 0) {
			m->good = false; /* to be said again */
		}
	}
	if (r == 0 && m->config.seed_topics && m->know_telemetry &&
	    service_now() >= m->seed_ns) {
		r = publish_seed(m);
	}
	return r;
}

static int publish_replies(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];
	uint32_t sent = 0;
	int r = 0;

	(void)topic_of(m, topic, "reply");
	while (sent < m->replies && r == 0) {
		r = publish(m, topic, m->reply[sent].text, m->reply[sent].len, 1, false);
		sent++;
	}
	m->replies = 0; /* an answer that comes late is taken for one to something else */
	return r == -EAGAIN ? 0 : r;
}

static void say_failure(struct mqtt *m, int error)
{
	struct service *s = &m->service;
	const struct mqtt_link *l = &m->link;

	if (error == LINK_NO_HOST) {
		service_say(s, EVENT_MQTT_NO_HOST, 0, 0, 0, 0);
	} else if (error == LINK_SECRET) {
		service_say(s, EVENT_MQTT_SECRET, -error, 0, 0, 0);
	} else if (error == LINK_REFUSED) {
		service_say(s, l->refused >= CODE_LOGIN ? EVENT_MQTT_LOGIN : EVENT_MQTT_REFUSED,
			    l->refused, 0, 0, 0);
	} else if (error == LINK_TLS && l->tls_fault == MQTT_TLS_NAME) {
		service_say(s, EVENT_MQTT_NAME, 0, 0, 0, 0);
	} else if (error == LINK_TLS && l->tls_fault == MQTT_TLS_CERTIFICATE) {
		service_say(s, EVENT_MQTT_CERTIFICATE, 0, 0, 0, 0);
	} else if (error == LINK_TLS) {
		service_say(s, EVENT_MQTT_TLS, -error, 0, 0, 0);
	} else {
		service_say(s, EVENT_MQTT_UNREACHABLE, -error, 0, 0, 0);
	}
}

static void on_order(void *self, const char *topic, const void *payload, size_t len, bool retained)
{
	mqtt_order_take(self, topic, payload, len, retained);
}

static int mqtt_open(struct service *service, void *self)
{
	struct mqtt *m = self;
	const int64_t end_ns = service_now() + MQTT_CONNECT_MS * NS_PER_MS;
	int r = 0;

	m->link = (struct mqtt_link){.order = on_order, .context = m};
	r = mqtt_link_open(&m->link, &m->config);
	while (r == 0 && !m->link.connected && !service_stopping(service)) {
		r = service_now() < end_ns ? mqtt_link_drive(&m->link, service, TICK_MS)
					   : -ETIMEDOUT;
	}
	if (r == 0 && !m->link.connected) {
		r = -ECANCELED;
	}
	if (r != 0) {
		mqtt_link_close(&m->link, false);
		if (!service_stopping(service)) {
			say_failure(m, r);
		}
		return r;
	}
	m->greeting = MQTT_GREET_STATE;
	m->good = false;
	m->replies = 0;
	mqtt_rate_init(&m->rate, service_now());
	service_say(service, EVENT_MQTT_CONNECTED, 0, 0, 0, 0);
	return 0;
}

static int work(struct mqtt *m)
{
	look(m);
	if (m->greeting != MQTT_GREETED) {
		return greet(m);
	}
	const int r = publish_replies(m);

	return r != 0 ? r : publish_due(m);
}

static int mqtt_step(struct service *service, void *self)
{
	struct mqtt *m = self;
	int r = 0;

	mqtt_order_answers(m);
	/* A broker that only lets in is none yet: one that acknowledges is. */
	if (m->link.acked && !m->good) {
		service_good(service);
		m->good = true;
	}
	r = work(m);
	if (r == 0) {
		const int64_t left_ns = m->due_ns - service_now();
		const int32_t tick_ms = mqtt_order_waits(m) ? ANSWER_MS : TICK_MS;

		r = mqtt_link_drive(&m->link, service,
				    sat_i32(clamp_i64(left_ns / NS_PER_MS + 1, 0, tick_ms)));
	}
	if (r != 0 && !service_stopping(service)) {
		service_say(service, EVENT_MQTT_LOST, -r, 0, 0, 0);
	}
	return r;
}

/* Without a broker the core goes on answering: what it says is of no use later. */
static void mqtt_rest(struct service *service, void *self)
{
	struct mqtt *m = self;

	(void)service;
	mqtt_order_answers(m);
	m->replies = 0;
}

static void mqtt_close(struct service *service, void *self)
{
	struct mqtt *m = self;
	const bool orderly = service_stopping(service) && mqtt_link_ready(&m->link) &&
			     publish_status(m, "offline") == 0 && mqtt_link_ready(&m->link);

	mqtt_link_close(&m->link, orderly);
}

static void mqtt_fini(struct service *service, void *self)
{
	const struct mqtt *m = self;
	const struct mqtt_count *count = &m->count;

	service_say(service, EVENT_MQTT_TOTAL, shown(count->published), shown(count->withheld),
		    shown(count->taken), shown(count->refused));
}

static const struct service_ops mqtt_ops = {
	.name = "mqtt",
	.open = mqtt_open,
	.step = mqtt_step,
	.close = mqtt_close,
	.rest = mqtt_rest,
	.fini = mqtt_fini,
};

static bool config_ok(const struct mqtt_config *c)
{
	return strlen(c->prefix) <= MQTT_NAME_MAX && strlen(c->client_id) <= MQTT_NAME_MAX &&
	       strlen(c->discovery_prefix) <= MQTT_NAME_MAX / 2U && c->interval_ms > 0 &&
	       c->services <= MQTT_SERVICES_MAX && c->telemetry != NULL &&
	       (!c->commands || (c->orders != NULL && c->answers != NULL));
}

int mqtt_start(struct mqtt *m, const struct mqtt_config *config)
{
	const struct service_config service = {
		.ops = &mqtt_ops,
		.self = m,
		.pause_min_ms = config->pause_min_ms,
		.pause_max_ms = config->pause_max_ms,
		.stack_bytes = STACK,
		.nice = NICE,
	};

	if (!config_ok(config)) {
		return -EINVAL;
	}
	if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
		return -ENOMEM;
	}
	m->config = *config;
	return service_start(&m->service, &service);
}

int mqtt_stop(struct mqtt *m)
{
	/* The library is left as it is: a thread that hangs may still use it. */
	return service_stop(&m->service);
}
