/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leg to the MQTT broker: connect as the daemon would, by its own code and with its own settings,
 * send one message to oneself, say what is wrong and what to try next. Under a name and below a topic
 * of its own, so a daemon that runs is not disturbed.
 */
#include "probe.h"

#include <errno.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "conf/conf.h"
#include "mqtt_link.h"

#define NAME_MS	   20000 /* the name service may take its time */
#define ECHO_MS	   3000
#define LIMIT_MS   (NAME_MS + MQTT_CONNECT_MS + ECHO_MS)
#define STACK	   ((uint32_t)256 * 1024) /* as in the daemon: name service and TLS */
#define TICK_MS	   20
#define KEEPALIVE  10
#define NEVER_MS   (3600 * 1000) /* one attempt, no second */
#define TEXT_SIZE  400
#define CODE_LOGIN 4
#define SAYING	   "hello"

enum stage {
	STAGE_BEGIN,
	STAGE_SUBSCRIBED,
	STAGE_PUBLISHED,
	STAGE_DONE,
};

/**
 * struct probe - one attempt
 * @done: the thread has come to its end; then the rest may be read
 * @error: 0 or the reason why the connection is of no use
 * @echo_ms: how long the message was on its way, -1 = it did not come back
 */
struct probe {
	struct service service;
	struct mqtt_config config;
	struct mqtt_link link;
	enum stage stage;
	int64_t sent_ns;
	bool connected;
	bool acked;
	int refused;
	enum mqtt_tls_fault tls_fault;
	int error;
	int32_t echo_ms;
	char topic[MQTT_TOPIC_MAX];
	_Atomic uint32_t done;
};

struct verdict {
	int status;
	char words[TEXT_SIZE];
	const char *next;
};

static void take_echo(void *self, const char *topic, const void *payload, size_t len, bool retained)
{
	struct probe *p = self;

	if (strcmp(topic, p->topic) == 0 && len == strlen(SAYING) && !retained &&
	    memcmp(payload, SAYING, len) == 0) {
		p->echo_ms = time_ms_since(service_now(), p->sent_ns);
	}
}

static void finish(struct probe *p, int error)
{
	p->error = error;
	p->connected = p->link.connected;
	p->acked = p->link.acked;
	p->refused = p->link.refused;
	p->tls_fault = p->link.tls_fault;
	p->stage = STAGE_DONE;
	atomic_store_explicit(&p->done, 1U, memory_order_release);
}

static int probe_open(struct service *s, void *self)
{
	struct probe *p = self;
	int r = 0;

	p->link = (struct mqtt_link){.order = take_echo, .context = p};
	r = mqtt_link_open(&p->link, &p->config, p->config.host);
	/* From here, as in the daemon: the name service has its own time. */
	const int64_t end_ns = service_now() + MQTT_CONNECT_MS * NS_PER_MS;

	while (r == 0 && !p->link.connected && !service_stopping(s)) {
		r = service_now() < end_ns ? mqtt_link_drive(&p->link, s, TICK_MS) : -ETIMEDOUT;
	}
	if (r != 0) {
		finish(p, r);
		mqtt_link_close(&p->link, false);
	}
	return r;
}

static int advance(struct probe *p)
{
	int r = 0;

	if (p->stage == STAGE_BEGIN) {
		r = mqtt_link_subscribe(&p->link, p->topic);
		p->stage = STAGE_SUBSCRIBED;
	} else if (p->stage == STAGE_SUBSCRIBED) {
		p->sent_ns = service_now();
		r = mqtt_link_publish(&p->link, p->topic, SAYING, strlen(SAYING), 1, false);
		p->stage = r == 0 ? STAGE_PUBLISHED : STAGE_SUBSCRIBED;
	}
	return r == -EAGAIN ? 0 : r;
}

static int probe_step(struct service *s, void *self)
{
	struct probe *p = self;
	int r = 0;

	if (p->stage == STAGE_DONE) {
		(void)service_wait(s, -1, 0, LIMIT_MS);
		return 0;
	}
	r = advance(p);
	r = r != 0 ? r : mqtt_link_drive(&p->link, s, TICK_MS);
	if (r != 0) {
		finish(p, r);
	} else if (p->stage == STAGE_PUBLISHED &&
		   (p->echo_ms >= 0 || time_ms_since(service_now(), p->sent_ns) > ECHO_MS)) {
		finish(p, 0);
	}
	return 0;
}

static void probe_close(struct service *s, void *self)
{
	struct probe *p = self;

	(void)s;
	mqtt_link_close(&p->link, p->error == 0);
}

static struct verdict judge_tls(const struct probe *p)
{
	if (p->tls_fault == MQTT_TLS_NAME) {
		return (struct verdict){PROBE_BROKEN, "wrong host name in the certificate",
					"write mqtt.host as the broker's certificate does (openssl "
					"x509 -text shows it)"};
	}
	if (p->tls_fault == MQTT_TLS_CERTIFICATE) {
		return (struct verdict){PROBE_BROKEN,
					"bad certificate: not signed by a known authority",
					"set mqtt.ca_file to the certificate of the authority that "
					"signed it, and check the clock"};
	}
	return (struct verdict){
		PROBE_BROKEN, "TLS fails",
		"check mqtt.port (usually 8883), that the broker speaks TLS there, and "
		"that mqtt.ca_file, mqtt.cert_file and mqtt.key_file can be read"};
}

static struct verdict judge_error(const struct probe *p)
{
	struct verdict v = {PROBE_BROKEN, "",
			    "check mqtt.host, mqtt.port, the firewall, and that the "
			    "broker runs and listens there; perhaps it wants TLS"};

	if (p->error == LINK_NO_HOST) {
		v = (struct verdict){PROBE_BROKEN,
				     "wrong host name: the name service does not know it",
				     "check the spelling of mqtt.host, or write its address"};
	} else if (p->error == LINK_SECRET) {
		v = (struct verdict){
			PROBE_BROKEN, "mqtt.password_file cannot be used",
			"run this as the user of the daemon; the file must be its own, "
			"mode 0600, with the password in one line"};
	} else if (p->error == LINK_REFUSED && p->refused >= CODE_LOGIN) {
		v = (struct verdict){
			PROBE_BROKEN, "refused: user or password",
			"check mqtt.user, mqtt.password_file and the users of the broker"};
	} else if (p->error == LINK_REFUSED) {
		v = (struct verdict){PROBE_BROKEN, "refused by the broker",
				     "another mqtt.client_id, or a broker that speaks MQTT 3.1.1"};
	} else if (p->error == LINK_TLS || (p->config.tls && p->error == -ECONNRESET)) {
		/* Who does not speak it ends the connection, in the one way or the other. */
		v = judge_tls(p);
	} else if (p->error == -ETIMEDOUT) {
		v = (struct verdict){PROBE_BROKEN, "no broker: what listens there says nothing",
				     "check mqtt.port; a broker that wants TLS is silent without"};
	} else {
		(void)snprintf(v.words, sizeof(v.words), "no broker: %s", strerror(-p->error));
	}
	return v;
}

static struct verdict judge(const struct probe *p)
{
	struct verdict v = {PROBE_GOOD, "", ""};

	if (p->error != 0) {
		return judge_error(p);
	}
	if (p->echo_ms < 0) {
		(void)snprintf(v.words, sizeof(v.words),
			       "no permission: the broker lets in but delivers nothing on %s",
			       p->topic);
		v.status = PROBE_BROKEN;
		v.next =
			"let the user of the daemon read and write everything below mqtt.prefix, and "
			"write below mqtt.discovery_prefix, in the broker's access list";
		return v;
	}
	(void)snprintf(v.words, sizeof(v.words),
		       "good: the broker takes and delivers messages, %d ms there and back",
		       p->echo_ms);
	if (!p->config.commands) {
		v.next =
			"orders are off: mqtt.commands=yes, if you want to lower limits from there";
	}
	return v;
}

static const struct service_ops probe_ops = {
	.name = "probe",
	.open = probe_open,
	.step = probe_step,
	.close = probe_close,
};

/* In the thread of a service, as in the daemon. Return: 0 or -errno. */
static int run(struct probe *p)
{
	const struct service_config config = {
		.ops = &probe_ops,
		.self = p,
		.pause_min_ms = NEVER_MS,
		.pause_max_ms = NEVER_MS,
		.stack_bytes = STACK,
	};
	const struct timespec tick = {.tv_nsec = TICK_MS * (long)NS_PER_MS};
	const int r = service_start(&p->service, &config);

	if (r != 0) {
		return r;
	}
	for (int ms = 0;
	     ms < LIMIT_MS && atomic_load_explicit(&p->done, memory_order_acquire) == 0U;
	     ms += TICK_MS) {
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
	}
	(void)service_stop(&p->service);
	if (atomic_load_explicit(&p->done, memory_order_acquire) == 0U) {
		return -ETIMEDOUT;
	}
	return 0;
}

static void settings(const struct config *c, struct probe *p)
{
	static char id[MQTT_NAME_MAX + 1U];
	static char prefix[MQTT_NAME_MAX + 1U];
	static char password[CONF_PATH_MAX];

	(void)snprintf(id, sizeof(id), "%.50s-probe", c->mqtt_client_id);
	(void)snprintf(prefix, sizeof(prefix), "%.50s/probe", c->mqtt_prefix);
	(void)snprintf(p->topic, sizeof(p->topic), "%s/echo", prefix);
	p->config = (struct mqtt_config){
		.host = c->mqtt_host,
		.port = c->mqtt_port,
		.user = c->mqtt_user,
		.password_file = password,
		.credential = conf_secret_path(c->mqtt_password_file, password),
		.tls = c->mqtt_tls,
		.ca_file = c->mqtt_ca_file,
		.cert_file = c->mqtt_cert_file,
		.key_file = c->mqtt_key_file,
		.client_id = id,
		.prefix = prefix,
		.keepalive_s = KEEPALIVE,
		.commands = c->mqtt_commands,
	};
	p->echo_ms = -1;
}

static void print_json(const struct probe *p, const struct verdict *v)
{
	printf("{\"host\":");
	probe_json_text(p->config.host);
	printf(",\"port\":%d,\"tls\":%s,\"good\":%s,\"connected\":%s,\"acknowledged\":%s,\"echo_ms\":",
	       p->config.port, p->config.tls ? "true" : "false",
	       v->status == PROBE_GOOD ? "true" : "false", p->connected ? "true" : "false",
	       p->acked ? "true" : "false");
	if (p->echo_ms >= 0) {
		printf("%d", p->echo_ms);
	} else {
		printf("null");
	}
	printf(",\"verdict\":");
	probe_json_text(v->words);
	printf(",\"next\":");
	probe_json_text(v->next);
	printf("}\n");
}

int probe_mqtt(const char *file, const struct probe_options *o)
{
	static struct config c;
	static struct probe p;
	struct conf_error error = {0};

	if (conf_read(file, &c, &error) != 0) {
		probe_config_error(file, &error);
		return PROBE_USAGE;
	}
	if (c.mqtt_host[0] == '\0') {
		fprintf(stderr, "jkpylon-probe: %s names no broker: set mqtt.host\n", file);
		return PROBE_USAGE;
	}
	/* TLS writes to its socket by itself. */
	(void)signal(SIGPIPE, SIG_IGN);
	settings(&c, &p);
	if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
		fprintf(stderr, "jkpylon-probe: no memory\n");
		return PROBE_DEVICE;
	}
	if (!o->json) {
		printf("%s:%d%s: connecting\n", p.config.host, p.config.port,
		       p.config.tls ? " with TLS" : "");
		fflush(stdout);
	}
	const int r = run(&p);

	if (r == -ETIMEDOUT) {
		fprintf(stderr,
			"jkpylon-probe: the name service does not answer: check the network "
			"and /etc/resolv.conf\n");
		return PROBE_BROKEN;
	}
	if (r != 0) {
		fprintf(stderr, "jkpylon-probe: cannot start a thread: %s\n", strerror(-r));
		return PROBE_DEVICE;
	}
	const struct verdict v = judge(&p);

	if (o->json) {
		print_json(&p, &v);
		return v.status;
	}
	printf("verdict: %s\n", v.words);
	if (v.next[0] != '\0') {
		printf("next: %s\n", v.next);
	}
	return v.status;
}
