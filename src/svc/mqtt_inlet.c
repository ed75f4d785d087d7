/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_inlet.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "mqtt_link.h"

/* Fixed headers of MQTT 3.1.1, chapter 3. */
#define CONNACK	     0x20U
#define PUBLISH	     0x30U
#define PUBLISH_MASK 0xF0U
#define QOS_2	     0x04U /* of PUBLISH; with QOS_1: forbidden */
#define PUBACK	     0x40U
#define SUBACK	     0x90U
#define PINGRESP     0xD0U
#define ACK_LEN	     2U /* of both */
#define SUBACK_LEN   3U /* of one topic */
#define DIGIT	     0x7FU
#define MORE	     0x80U
#define DIGIT_BITS   7U

#define FIT_MAJOR 2 /* version of the library */
#define FIT_MINOR 0
#define REST_MS	  50 /* for what is missing of a header right behind a packet */
#define NAP_MS	  5

static int check_kind(uint8_t kind, uint32_t length)
{
	if ((kind & PUBLISH_MASK) == PUBLISH) {
		return (kind & QOS_2) == 0U ? 0 : -EBADMSG;
	}
	switch (kind) {
	case CONNACK:
	case PUBACK:
		return length == ACK_LEN ? 0 : -EBADMSG;
	case SUBACK:
		return length == SUBACK_LEN ? 0 : -EBADMSG;
	case PINGRESP:
		return length == 0U ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

int mqtt_header_check(const uint8_t *head, size_t len, uint32_t *ret_size)
{
	uint32_t length = 0;
	uint32_t at = 1;

	do {
		if (at >= len) {
			return at < MQTT_HEADER_MAX ? -EAGAIN : -EBADMSG;
		}
		length |= (uint32_t)(head[at] & DIGIT) << (DIGIT_BITS * (at - 1U));
	} while ((head[at++] & MORE) != 0U);

	const int r = check_kind(head[0], length);

	if (r != 0) {
		return r;
	}
	*ret_size = at + length;
	return at + length <= MQTT_PACKET_MAX ? 0 : -EMSGSIZE;
}

/* Why TLS has nothing to give. */
static ssize_t tls_error(struct mqtt_link *l, SSL *ssl, int result)
{
	const bool shaken = SSL_is_init_finished(ssl) != 0;

	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		break;
	}
	if (shaken) {
		return -ECONNRESET;
	}
	if (l->tls_fault == MQTT_TLS_NONE) {
		l->tls_fault = SSL_get_verify_result(ssl) != X509_V_OK ? MQTT_TLS_CERTIFICATE
								       : MQTT_TLS_OTHER;
	}
	return LINK_TLS;
}

/* The next bytes, which stay where they are. Return: how many, 0 = no more will come, or as above. */
static ssize_t peek(struct mqtt_link *l, uint8_t head[MQTT_HEADER_MAX])
{
	SSL *ssl = mosquitto_ssl_get(l->mosq);

	if (ssl == NULL) {
		const ssize_t n = recv(mosquitto_socket(l->mosq), head, MQTT_HEADER_MAX,
				       MSG_PEEK | MSG_DONTWAIT);

		return n >= 0 ? n : -errno;
	}
	ERR_clear_error();
	const int n = SSL_peek(ssl, head, (int)MQTT_HEADER_MAX);
	const ssize_t r = n > 0 ? n : tls_error(l, ssl, n);

	ERR_clear_error();
	return r;
}

/* Whether the @n bytes that were seen are all there is of a record of TLS. */
static bool record_ends(const struct mqtt_link *l, ssize_t n)
{
	const SSL *ssl = mosquitto_ssl_get(l->mosq);

	return ssl != NULL && SSL_pending(ssl) == n;
}

/* Between two packets. Return: as mqtt_inlet_look(). */
static int next_packet(struct mqtt_link *l)
{
	struct mqtt_inlet *in = &l->inlet;
	uint8_t head[MQTT_HEADER_MAX];
	const ssize_t n = peek(l, head);

	in->partial = false;
	if (n < 0) {
		return (int)n;
	}
	if (n == 0) {
		return 0; /* the end: the library finds it itself */
	}
	int r = mqtt_header_check(head, (size_t)n, &in->size);

	/* The rest is in another record, which is not shown before this one is read. */
	if (r == -EAGAIN && record_ends(l, n)) {
		in->size = 0;
		r = 0;
	}
	if (in->since_ns == TIME_NEVER) {
		in->since_ns = service_now();
	}
	in->inside = r == 0;
	in->partial = r == -EAGAIN;
	return r;
}

bool mqtt_inlet_fits(int major, int minor)
{
	return major == FIT_MAJOR && minor == FIT_MINOR;
}

void mqtt_inlet_init(struct mqtt_link *l)
{
	int major = 0;
	int minor = 0;

	(void)mosquitto_lib_version(&major, &minor, NULL);
	l->inlet.off = !mqtt_inlet_fits(major, minor);
	l->inlet.since_ns = TIME_NEVER;
	l->inlet.second_ns = TIME_NEVER;
}

int mqtt_inlet_look(struct mqtt_link *l)
{
	SSL *ssl = mosquitto_ssl_get(l->mosq);

	if (l->inlet.off || l->inlet.inside) {
		return 0;
	}
	const int r = next_packet(l);

	/* The library has to see once that the handshake is over. */
	if (r == -EAGAIN && !l->inlet.partial && ssl != NULL && !l->inlet.shaken &&
	    SSL_is_init_finished(ssl) != 0) {
		l->inlet.shaken = true;
		return 0;
	}
	return r;
}

/* The library finds an end where it would have read on. */
static void cut(struct mqtt_link *l, int error)
{
	const int fd = mosquitto_socket(l->mosq);
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	SSL *ssl = mosquitto_ssl_get(l->mosq);

	l->inlet.error = error;
	if (ssl != NULL) {
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	}
	if (nothing < 0 || dup3(nothing, fd, O_CLOEXEC) < 0) {
		(void)shutdown(fd, SHUT_RDWR);
	}
	if (nothing >= 0) {
		(void)close(nothing);
	}
}

/* Return: whether that was one too many. */
static bool count_packet(struct mqtt_inlet *in)
{
	const int64_t now_ns = service_now();

	if (time_ms_since(now_ns, in->second_ns) >= MS_PER_S) {
		in->second_ns = now_ns;
		in->in_second = 0;
	}
	in->in_step++;
	in->in_second++;
	return in->in_step > MQTT_LINES_AT_ONCE || in->in_second > MQTT_LINES_A_SECOND;
}

/* As next_packet(); of a header that comes in parts, the rest is about to come. */
static int next_header(struct mqtt_link *l)
{
	struct mqtt_inlet *in = &l->inlet;
	int r = next_packet(l);

	while (in->partial && in->waited_ms < REST_MS) {
		(void)poll(NULL, 0, NAP_MS);
		in->waited_ms += NAP_MS;
		r = next_packet(l);
	}
	return r;
}

void mqtt_inlet_taken(struct mqtt_link *l)
{
	struct mqtt_inlet *in = &l->inlet;

	if (in->off || in->error != 0) {
		return;
	}
	in->inside = false;
	in->partial = false;
	in->since_ns = TIME_NEVER;
	if (count_packet(in)) {
		cut(l, LINK_FLOOD);
		return;
	}
	const int r = next_header(l);

	/* Half a header would be read, and what it announces is not known yet. */
	if (in->partial) {
		cut(l, -EBADMSG);
	} else if (r != 0 && r != -EAGAIN) {
		cut(l, r);
	}
}

int mqtt_inlet_late(const struct mqtt_link *l)
{
	const struct mqtt_inlet *in = &l->inlet;

	if (in->error != 0) {
		return in->error;
	}
	return in->since_ns != TIME_NEVER &&
			       time_ms_since(service_now(), in->since_ns) > MQTT_PACKET_MS
		       ? -ETIMEDOUT
		       : 0;
}
