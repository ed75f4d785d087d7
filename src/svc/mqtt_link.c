/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/time.h"
#include "base/units.h"
#include "mqtt_inlet.h"
#include "mqtt_login.h"

#define SEND_BUFFER	(64 * 1024) /* what waits in the kernel is old when it leaves */
#define USER_TIMEOUT	20000	    /* ms without an acknowledgement of TCP */
#define STATUS		"status"
#define OFFLINE		"offline"
#define TLS_VERSION	"tlsv1.2" /* at least; the library takes newer ones too */
#define VERIFY_PEER	1
#define CA_FOLDER	"/etc/ssl/certs" /* authorities of the system, by hash */
#define PACKETS_AT_ONCE 1
#define PARTIAL_MS	20 /* until the rest of a header is looked for */

/* The library's codes, as far as they are told apart. */
static int error_of(int code, int number)
{
	switch (code) {
	case MOSQ_ERR_SUCCESS:
		return 0;
	case MOSQ_ERR_NOMEM:
		return -ENOMEM;
	case MOSQ_ERR_EAI:
		return LINK_NO_HOST;
	case MOSQ_ERR_TLS:
		return LINK_TLS;
	case MOSQ_ERR_KEEPALIVE:
		return -ETIMEDOUT;
	case MOSQ_ERR_CONN_REFUSED:
		return LINK_REFUSED;
	case MOSQ_ERR_ERRNO:
		return number != 0 ? -number : -EIO;
	case MOSQ_ERR_CONN_LOST:
	case MOSQ_ERR_NO_CONN:
		return -ECONNRESET;
	default:
		return -EIO;
	}
}

static void on_connect(struct mosquitto *mosq, void *self, int code)
{
	struct mqtt_link *l = self;

	(void)mosq;
	l->connected = code == 0;
	l->refused = code;
}

static void on_publish(struct mosquitto *mosq, void *self, int id)
{
	struct mqtt_link *l = self;

	(void)mosq;
	for (uint32_t i = 0; i < MQTT_UNACKED; i++) {
		if (l->unacked[i] == id && id != 0) {
			l->unacked[i] = 0;
			l->acked = true;
		}
	}
}

static void on_message(struct mosquitto *mosq, void *self, const struct mosquitto_message *m)
{
	struct mqtt_link *l = self;

	(void)mosq;
	if (m->topic != NULL && m->payloadlen >= 0) {
		l->order(l->context, m->topic, m->payload, (size_t)m->payloadlen, m->retain);
	}
}

/*
 * The library has no other way to say that it has read a packet, whichever, and what is wrong with a
 * certificate. Of the latter the first word counts.
 */
static void on_log(struct mosquitto *mosq, void *self, int level, const char *text)
{
	struct mqtt_link *l = self;

	(void)mosq;
	if (level == MOSQ_LOG_DEBUG && l->reading) {
		mqtt_inlet_taken(l);
	}
	if (level != MOSQ_LOG_ERR || l->tls_fault == MQTT_TLS_NAME) {
		return;
	}
	if (strstr(text, "host name verification") != NULL) {
		l->tls_fault = MQTT_TLS_NAME;
	} else if (strstr(text, "certificate verify failed") != NULL) {
		l->tls_fault = MQTT_TLS_CERTIFICATE;
	} else if (l->tls_fault == MQTT_TLS_NONE) {
		l->tls_fault = MQTT_TLS_OTHER;
	}
}

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* Certificate and host name are checked: the library's default with VERIFY_PEER. */
static int set_tls(struct mqtt_link *l, const struct mqtt_config *c)
{
	int r = MOSQ_ERR_SUCCESS;

	if (!c->tls) {
		return 0;
	}
	if (c->ca_file[0] == '\0') {
		r = mosquitto_int_option(l->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
	}
	/* The library wants one of the two, whatever else it was told. */
	if (r == MOSQ_ERR_SUCCESS) {
		r = mosquitto_tls_set(l->mosq, or_null(c->ca_file),
				      c->ca_file[0] == '\0' ? CA_FOLDER : NULL,
				      or_null(c->cert_file), or_null(c->key_file), NULL);
	}
	if (r == MOSQ_ERR_SUCCESS) {
		r = mosquitto_tls_opts_set(l->mosq, VERIFY_PEER, TLS_VERSION, NULL);
	}
	return r == MOSQ_ERR_SUCCESS ? 0 : LINK_TLS;
}

static int set_will(struct mqtt_link *l, const struct mqtt_config *c)
{
	char topic[MQTT_TOPIC_MAX];

	(void)snprintf(topic, sizeof(topic), "%s/%s", c->prefix, STATUS);
	return error_of(mosquitto_will_set(l->mosq, topic, (int)strlen(OFFLINE), OFFLINE, 1, true),
			0);
}

static void set_callbacks(struct mqtt_link *l)
{
	mosquitto_connect_callback_set(l->mosq, on_connect);
	mosquitto_publish_callback_set(l->mosq, on_publish);
	mosquitto_message_callback_set(l->mosq, on_message);
	mosquitto_log_callback_set(l->mosq, on_log);
}

static int begin(struct mqtt_link *l, const struct mqtt_config *c, const char *host)
{
	int r = error_of(mosquitto_int_option(l->mosq, MOSQ_OPT_TCP_NODELAY, 1), 0);

	set_callbacks(l);
	r = r != 0 ? r : mqtt_login_set(l, c);
	r = r != 0 ? r : set_will(l, c);
	r = r != 0 ? r : set_tls(l, c);
	if (r != 0) {
		return r;
	}
	errno = 0;
	/* The connection itself is not waited for. */
	r = mosquitto_connect_async(l->mosq, host, c->port, c->keepalive_s);
	return error_of(r, errno);
}

/* What the kernel keeps for a peer that does not take it is bounded in size and time. */
static void bound_socket(const struct mqtt_link *l)
{
	const int fd = mosquitto_socket(l->mosq);
	const int buffer = SEND_BUFFER;
	const unsigned int timeout = USER_TIMEOUT;

	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	}
}

int mqtt_link_open(struct mqtt_link *l, const struct mqtt_config *config, const char *host)
{
	l->blocked_ns = TIME_NEVER;
	mqtt_inlet_init(l);
	l->mosq = mosquitto_new(config->client_id, true, l);
	if (l->mosq == NULL) {
		return -errno;
	}
	const int r = begin(l, config, host);

	if (r != 0) {
		mqtt_link_close(l, false);
		return r;
	}
	bound_socket(l);
	return 0;
}

/* What the kernel knows of a connection that failed. */
static int socket_error(const struct mqtt_link *l)
{
	const int fd = mosquitto_socket(l->mosq);
	int error = 0;
	socklen_t len = sizeof(error);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? -error : 0;
}

static int read_some(struct mqtt_link *l, int events, bool tls)
{
	/* A TLS handshake is carried on by the reading side, whatever it waits for. */
	const bool shaking = tls && l->written && !l->connected;

	if ((events & ~POLLOUT) == 0 && !shaking && !l->inlet.partial) {
		return 0;
	}
	int r = mqtt_inlet_look(l);

	if (r != 0) {
		return r == -EAGAIN ? 0 : r;
	}
	errno = 0;
	l->reading = true;
	r = mosquitto_loop_read(l->mosq, PACKETS_AT_ONCE);
	l->reading = false;
	return error_of(r, errno);
}

static int run(struct mqtt_link *l, int events, bool tls)
{
	int r = read_some(l, events, tls);

	if (r == 0 && (events & POLLOUT) != 0) {
		errno = 0;
		r = error_of(mosquitto_loop_write(l->mosq, PACKETS_AT_ONCE), errno);
	}
	if (r == 0) {
		errno = 0;
		r = error_of(mosquitto_loop_misc(l->mosq), errno);
	}
	return r;
}

static int watch_blocked(struct mqtt_link *l)
{
	const int64_t now_ns = service_now();

	if (mqtt_link_idle(l)) {
		l->blocked_ns = TIME_NEVER;
	} else if (l->blocked_ns == TIME_NEVER) {
		l->blocked_ns = now_ns;
	} else if (time_ms_since(now_ns, l->blocked_ns) > MQTT_BLOCKED_MS) {
		return -ETIMEDOUT;
	}
	return 0;
}

/*
 * After a fault of TLS the library often says no more than that the connection is gone; so does the
 * kernel when the other side does not speak TLS and hangs up.
 */
static int cause_of(const struct mqtt_link *l, int error, bool tls)
{
	const bool hung_up = tls && l->written && !l->connected && error == -ECONNRESET;

	return hung_up || l->tls_fault != MQTT_TLS_NONE ? LINK_TLS : error;
}

/* Return: what poll() says, or -ECANCELED. */
static int wait_link(const struct mqtt_link *l, struct service *s, int fd, int32_t ms)
{
	const bool write = !l->written || mosquitto_want_write(l->mosq);
	const int events = write ? POLLOUT : 0;

	/* A part of a header stays where it is: that it is there is no news. */
	return l->inlet.partial ? service_wait(s, fd, (short)events, min_i32(ms, PARTIAL_MS))
				: service_wait(s, fd, (short)(events | POLLIN), ms);
}

/* Why the connection is of no more use, from all that is known. @r: what was found now. */
static int judge(struct mqtt_link *l, int r, bool tls)
{
	const int late = mqtt_inlet_late(l);

	if (l->refused != 0) {
		return LINK_REFUSED;
	}
	if (late != 0) {
		return late;
	}
	return r != 0 ? cause_of(l, r, tls) : watch_blocked(l);
}

int mqtt_link_drive(struct mqtt_link *l, struct service *s, int32_t ms)
{
	const int fd = mosquitto_socket(l->mosq);
	const bool tls = mosquitto_ssl_get(l->mosq) != NULL;

	if (fd < 0) {
		return -ECONNRESET;
	}
	const int events = wait_link(l, s, fd, ms);

	if (events < 0) {
		return 0; /* the service ends: its runner sees that */
	}
	if ((events & POLLERR) != 0) {
		const int error = socket_error(l);

		if (error != 0) {
			return cause_of(l, error, tls);
		}
	}
	l->written = l->written || (events & POLLOUT) != 0;
	l->inlet.in_step = 0;
	l->inlet.waited_ms = 0;
	const int r = run(l, events, tls);

	return judge(l, r, tls);
}

bool mqtt_link_ready(const struct mqtt_link *l)
{
	return !mosquitto_want_write(l->mosq);
}

bool mqtt_link_idle(const struct mqtt_link *l)
{
	int waiting = 0;

	return mqtt_link_ready(l) &&
	       (ioctl(mosquitto_socket(l->mosq), SIOCOUTQ, &waiting) != 0 || waiting == 0);
}

static int *free_slot(struct mqtt_link *l)
{
	for (uint32_t i = 0; i < MQTT_UNACKED; i++) {
		if (l->unacked[i] == 0) {
			return &l->unacked[i];
		}
	}
	return NULL;
}

int mqtt_link_publish(struct mqtt_link *l, const char *topic, const void *payload, size_t len,
		      int qos, bool retain)
{
	int *slot = qos > 0 ? free_slot(l) : NULL;
	int id = 0;

	if (!mqtt_link_ready(l) || (qos > 0 && slot == NULL)) {
		return -EAGAIN;
	}
	errno = 0;
	const int r = mosquitto_publish(l->mosq, &id, topic, (int)len, payload, qos, retain);

	if (r == MOSQ_ERR_SUCCESS && slot != NULL) {
		*slot = id;
	}
	return error_of(r, errno);
}

int mqtt_link_subscribe(struct mqtt_link *l, const char *topic)
{
	errno = 0;
	return error_of(mosquitto_subscribe(l->mosq, NULL, topic, 1), errno);
}

void mqtt_link_close(struct mqtt_link *l, bool orderly)
{
	if (l->mosq == NULL) {
		return;
	}
	if (orderly) {
		(void)mosquitto_disconnect(l->mosq);
	}
	mosquitto_destroy(l->mosq);
	l->mosq = NULL;
}
