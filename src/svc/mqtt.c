/* SPDX-License-Identifier: Apache-2.0 */
/* When what is published, and when it is tried again. */
#include "svc/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "mqtt_link.h"
#include "mqtt_name.h"
#include "mqtt_order.h"
#include "mqtt_publish.h"

#define NICE	   10
#define STACK	   ((uint32_t)256 * 1024) /* name service and TLS of the libraries */
#define TICK_MS	   200			  /* a change of the ladder is published after that */
#define ANSWER_MS  20			  /* while the core owes a word */
#define ROOM_MS	   1000			  /* a round waits so long for the one before to be taken */
#define CODE_LOGIN 4			  /* and 5: not allowed; what is below has other reasons */

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static int subscribe(struct mqtt *m)
{
	char topic[MQTT_TOPIC_MAX];

	m->deaf = m->config.commands && service_now() < m->deaf_until_ns;
	return m->config.commands && !m->deaf
		       ? mqtt_link_subscribe(&m->link, mqtt_topic(m, topic, "set/+"))
		       : 0;
}

/* One thing after the other, as the broker takes them. */
static int greet(struct mqtt *m)
{
	int r = 0;

	while (r == 0 && m->greeting != MQTT_GREETED && mqtt_link_ready(&m->link)) {
		switch (m->greeting) {
		case MQTT_GREET_STATE:
			r = mqtt_publish_round(m);
			m->due_ns = service_now() + m->config.interval_ms * NS_PER_MS;
			break;
		case MQTT_GREET_ONLINE:
			r = mqtt_publish_status(m, "online");
			break;
		case MQTT_GREET_DISCOVERY:
			r = mqtt_publish_discovery(m);
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

static int publish_due(struct mqtt *m)
{
	const int64_t now_ns = service_now();
	int r = 0;

	if (changed(m) && now_ns < m->due_ns) {
		m->due_ns = now_ns;
	}
	/* What was sent last is taken in a moment: a change right behind it is not withheld. */
	m->waits = now_ns >= m->due_ns && time_ms_since(now_ns, m->due_ns) < ROOM_MS &&
		   !mqtt_link_idle(&m->link);
	if (now_ns >= m->due_ns && !m->waits) {
		m->due_ns = now_ns + m->config.interval_ms * NS_PER_MS;
		r = mqtt_publish_round(m);
		r = r != 0 ? r : mqtt_publish_cells(m);
		if (r == 0) {
			m->good = false; /* to be said again */
		}
	}
	if (r == 0 && m->config.seed_topics && m->know_telemetry && service_now() >= m->seed_ns) {
		r = mqtt_publish_seed(m);
	}
	return r;
}

/* What the broker sends is not fit to be read. Return: whether it was that. */
static bool go_deaf(struct mqtt *m, int error)
{
	if (error == LINK_LARGE) {
		service_say(&m->service, EVENT_MQTT_LARGE, shown(m->link.inlet.size),
			    (int32_t)MQTT_PACKET_MAX, MQTT_DEAF_MS, 0);
	} else if (error == LINK_FLOOD) {
		service_say(&m->service, EVENT_MQTT_FLOODED, MQTT_DEAF_MS, 0, 0, 0);
	} else {
		return false;
	}
	m->deaf_until_ns = service_now() + MQTT_DEAF_MS * NS_PER_MS;
	return true;
}

static void say_failure(struct mqtt *m, int error)
{
	struct service *s = &m->service;
	const struct mqtt_link *l = &m->link;

	if (service_is_short(error)) {
		service_say(s, EVENT_NO_DESCRIPTORS, -error, 0, 0, 0);
	} else if (error == LINK_NO_HOST) {
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
	} else if (error == LINK_SLOW_NAME) {
		service_say(s, EVENT_MQTT_SLOW_NAME, MQTT_LOOKUP_MS, 0, 0, 0);
	} else if (!go_deaf(m, error)) {
		service_say(s, EVENT_MQTT_UNREACHABLE, -error, 0, 0, 0);
	}
}

static void on_order(void *self, const char *topic, const void *payload, size_t len, bool retained)
{
	mqtt_order_take(self, topic, payload, len, retained);
}

/* A way that exists on paper only is not rare: the next attempt takes the other one. */
static int dial(struct mqtt *m)
{
	char host[MQTT_ADDRESSES][MQTT_HOST_MAX];
	const int r = mqtt_name_find(m, host);
	const char *to = m->second && host[1][0] != '\0' ? host[1] : host[0];

	if (r != 0) {
		return r;
	}
	m->link = (struct mqtt_link){.order = on_order, .context = m};
	return mqtt_link_open(&m->link, &m->config, to);
}

static int mqtt_open(struct service *service, void *self)
{
	struct mqtt *m = self;
	int r = 0;

	r = dial(m);
	/* From here: a slow name service must not take the broker's time. */
	const int64_t end_ns = service_now() + MQTT_CONNECT_MS * NS_PER_MS;

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
			m->second = !m->second;
			say_failure(m, r);
		}
		return r;
	}
	m->greeting = MQTT_GREET_STATE;
	m->deaf = false;
	m->good = false;
	m->waits = false;
	m->replies = 0;
	mqtt_rate_init(&m->rate, service_now());
	service_say(service, EVENT_MQTT_CONNECTED, 0, 0, 0, 0);
	return 0;
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

static int work(struct mqtt *m)
{
	look(m);
	if (m->greeting != MQTT_GREETED) {
		return greet(m);
	}
	int r = mqtt_publish_replies(m);

	if (r == 0 && m->deaf && mqtt_link_ready(&m->link)) {
		r = subscribe(m);
	}
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
		const int32_t tick_ms = mqtt_order_waits(m) || m->waits ? ANSWER_MS : TICK_MS;
		const int64_t left_ms = m->waits ? tick_ms : left_ns / NS_PER_MS + 1;

		r = mqtt_link_drive(&m->link, service, sat_i32(clamp_i64(left_ms, 0, tick_ms)));
	}
	if (r != 0 && !service_stopping(service) && !go_deaf(m, r)) {
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
			     mqtt_publish_status(m, "offline") == 0 && mqtt_link_ready(&m->link);

	mqtt_link_close(&m->link, orderly);
}

static void mqtt_fini(struct service *service, void *self)
{
	struct mqtt *m = self;
	const struct mqtt_count *count = &m->count;

	mqtt_name_drop(m);
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
