/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to a GoodWe inverter: ask and listen. */
#include "probe_goodwe.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"

#define TRIES	  3
#define ANSWER_MS 1000
#define PORT_TEXT "8899"
#define HOST_MAX  256

struct question {
	enum goodwe_family family;
	uint32_t what;
};

struct answer {
	uint8_t data[GOODWE_DATAGRAM_MAX];
	size_t len;
};

int64_t probe_goodwe_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* HOST, HOST:PORT, [IPv6] or [IPv6]:PORT. Return: false if it is none of these. */
static bool split(const char *spec, const char *usual_port, char host[HOST_MAX],
		  const char **ret_port)
{
	const bool bracket = spec[0] == '[';
	const char *begin = bracket ? spec + 1 : spec;
	const char *end = bracket ? strchr(begin, ']') : strrchr(begin, ':');

	/* More than one colon without brackets: an IPv6 address as it is. */
	if (!bracket && (end == NULL || strchr(begin, ':') != end)) {
		end = begin + strlen(begin);
	}
	if (end == NULL || end == begin || (size_t)(end - begin) >= HOST_MAX) {
		return false;
	}
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	end += bracket ? 1 : 0;
	*ret_port = *end == ':' ? end + 1 : usual_port;
	return *end == ':' ? end[1] != '\0' : *end == '\0';
}

int probe_goodwe_address(const char *spec, const char *usual_port, struct sockaddr_storage *to,
			 socklen_t *to_len)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[HOST_MAX];
	const char *port = usual_port;

	if (!split(spec, usual_port, host, &port)) {
		fprintf(stderr,
			"jkpylon-probe: %s: expected a name or an address, and a port if "
			"need be: 192.168.1.20:8899\n",
			spec);
		return PROBE_USAGE;
	}
	const int error = getaddrinfo(host, port, &hints, &list);

	if (error != 0) {
		fprintf(stderr,
			"jkpylon-probe: %s: %s\n"
			"next: check the name; or take the address that the router shows for the "
			"inverter's module; or search for it: jkpylon-probe goodwe-find BROADCAST\n",
			spec, gai_strerror(error));
		return PROBE_DEVICE;
	}
	memcpy(to, list->ai_addr, list->ai_addrlen);
	*to_len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

void probe_goodwe_place(const struct sockaddr_storage *a, socklen_t len, char *text, size_t size)
{
	char host[HOST_MAX] = "?";
	char port[8] = "?";

	(void)getnameinfo((const struct sockaddr *)a, len, host, sizeof(host), port, sizeof(port),
			  NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(text, size, "%.45s:%s", host, port);
}

static bool same_place(const struct sockaddr_storage *a, socklen_t a_len,
		       const struct sockaddr_storage *b, socklen_t b_len)
{
	char x[PROBE_GOODWE_ADDRESS];
	char y[PROBE_GOODWE_ADDRESS];

	probe_goodwe_place(a, a_len, x, sizeof(x));
	probe_goodwe_place(b, b_len, y, sizeof(y));
	return strcmp(x, y) == 0;
}

static size_t build(const struct question *q, uint8_t *frame)
{
	if (q->family == GOODWE_FAMILY_MODBUS) {
		goodwe_modbus_request_build((enum goodwe_block)q->what, frame);
		return GOODWE_MODBUS_REQUEST_SIZE;
	}
	aa55_request_build((enum aa55_query)q->what, frame);
	return AA55_REQUEST_SIZE;
}

/* Return: whether @a answers @q; what does not is counted. */
static bool judge(struct probe_goodwe *p, const struct question *q, const struct answer *a)
{
	const uint8_t *data = NULL;
	size_t len = 0;
	const enum goodwe_verdict v = q->family == GOODWE_FAMILY_MODBUS
					      ? goodwe_modbus_reply_judge(
							a->data, a->len,
							goodwe_modbus_registers(
								(enum goodwe_block)q->what),
							&data, &p->exception)
					      : aa55_reply_judge(a->data, a->len,
								 (enum aa55_query)q->what, &data,
								 &len);

	switch (v) {
	case GOODWE_OK:
		return true;
	case GOODWE_SHORT:
	case GOODWE_BAD_LENGTH:
	case GOODWE_BAD_SUM:
	case GOODWE_TOO_LITTLE:
		p->damage = v;
		p->damaged++;
		return false;
	case GOODWE_ECHO:
		p->echoes++;
		return false;
	case GOODWE_REFUSED:
		p->refused++;
		return false;
	case GOODWE_BAD_HEADER:
	case GOODWE_FOREIGN:
	case GOODWE_OTHER_PROTOCOL:
	case GOODWE_VERDICTS:
	default:
		p->foreign++;
		return false;
	}
}

/* Not connected, so that an answer from elsewhere is seen, and errors of the network all the same. */
static int open_socket(struct probe_goodwe *p)
{
	const int on = 1;
	const int fd = socket(p->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		(void)setsockopt(fd, p->to.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
				 p->to.ss_family == AF_INET6 ? IPV6_RECVERR : IP_RECVERR, &on,
				 sizeof(on));
	}
	return fd;
}

static void show_datagram(const struct probe_goodwe *p, const char *what, const uint8_t *data,
			  size_t len)
{
	if (p->hex) {
		printf("%s, %zu bytes:\n", what, len);
		probe_hex(data, len);
	}
}

/* Return: whether a good answer came within the time. */
static bool listen_for(struct probe_goodwe *p, int fd, const struct question *q, struct answer *a)
{
	const int64_t end_ns = probe_goodwe_now() + ANSWER_MS * NS_PER_MS;

	for (int64_t left_ns = ANSWER_MS * NS_PER_MS; left_ns > 0;
	     left_ns = end_ns - probe_goodwe_now()) {
		struct pollfd f = {.fd = fd, .events = POLLIN};
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);

		if (poll(&f, 1, (int)(left_ns / NS_PER_MS) + 1) <= 0) {
			continue;
		}
		const ssize_t n = recvfrom(fd, a->data, sizeof(a->data), 0,
					   (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			p->net_error = errno;
			return false;
		}
		if (n < 0) {
			continue;
		}
		a->len = (size_t)n;
		show_datagram(p, "received", a->data, a->len);
		if (!same_place(&from, from_len, &p->to, p->to_len)) {
			p->strange = true;
			probe_goodwe_place(&from, from_len, p->stranger, sizeof(p->stranger));
			continue;
		}
		p->heard++;
		if (judge(p, q, a)) {
			return true;
		}
	}
	return false;
}

static bool ask(struct probe_goodwe *p, enum goodwe_family family, uint32_t what, struct answer *a)
{
	const struct question q = {family, what};
	uint8_t frame[AA55_REQUEST_SIZE];
	const size_t len = build(&q, frame);
	const uint32_t refused = p->refused;

	for (int i = 0; i < TRIES && p->refused == refused; i++) {
		const int fd = open_socket(p);
		bool good = false;

		show_datagram(p, "sent", frame, len);
		p->requests++;
		const int64_t start_ns = probe_goodwe_now();

		if (fd < 0 ||
		    sendto(fd, frame, len, 0, (const struct sockaddr *)&p->to, p->to_len) < 0) {
			p->net_error = errno;
		} else {
			good = listen_for(p, fd, &q, a);
		}
		if (fd >= 0) {
			(void)close(fd);
		}
		if (good) {
			p->reply_ns = probe_goodwe_now() - start_ns;
			return true;
		}
	}
	return false;
}

static void meet(struct probe_goodwe *p)
{
	struct answer a = {0};

	if (ask(p, GOODWE_FAMILY_AA55, AA55_DEVICE, &a) &&
	    aa55_device_decode(a.data, a.len, &p->device) == GOODWE_OK) {
		p->known = true;
		p->family = p->device.model[0] != '\0' ? GOODWE_FAMILY_AA55 : GOODWE_FAMILY_MODBUS;
	}
	if (p->family != GOODWE_FAMILY_AA55 &&
	    ask(p, GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_DEVICE, &a) &&
	    goodwe_modbus_device_decode(a.data, a.len, &p->device, &p->exception) == GOODWE_OK) {
		p->known = true;
		p->family = GOODWE_FAMILY_MODBUS;
	}
}

static void read_aa55(struct probe_goodwe *p)
{
	struct answer a = {0};
	struct aa55_runtime r = {0};

	if (!ask(p, GOODWE_FAMILY_AA55, AA55_RUNTIME, &a)) {
		return;
	}
	if (aa55_runtime_decode(a.data, a.len, &r) != GOODWE_OK) {
		p->damaged++;
		p->damage = GOODWE_TOO_LITTLE;
		return;
	}
	const int64_t took_ns = p->reply_ns;

	p->read = true;
	p->battery = r.battery;
	p->grid_power_w = r.grid_power_w;
	p->runtime_len = r.len;
	p->has_settings = ask(p, GOODWE_FAMILY_AA55, AA55_SETTINGS, &a) &&
			  aa55_settings_decode(a.data, a.len, &p->settings) == GOODWE_OK;
	p->reply_ns = took_ns;
}

static void read_modbus(struct probe_goodwe *p)
{
	struct answer a = {0};
	struct goodwe_runtime r = {0};
	struct goodwe_pack pack = {0};

	if (!ask(p, GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_RUNTIME, &a) ||
	    goodwe_modbus_runtime_decode(a.data, a.len, &r, &p->exception) != GOODWE_OK) {
		return;
	}
	const int64_t took_ns = p->reply_ns;

	p->read = true;
	p->family = GOODWE_FAMILY_MODBUS;
	p->battery = r.battery;
	p->grid_power_w = r.grid_power_w;
	if (goodwe_has_battery(&r.battery) &&
	    ask(p, GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_BATTERY, &a) &&
	    goodwe_modbus_pack_decode(a.data, a.len, &pack, &p->exception) == GOODWE_OK) {
		p->battery.soc_pct = pack.soc_pct;
	}
	p->reply_ns = took_ns;
}

int probe_goodwe(const char *host, const struct probe_options *o)
{
	struct probe_goodwe p = {.hex = o->hex && !o->json, .grid_power_w = GOODWE_NO_VALUE};
	const int rc = probe_goodwe_address(host, PORT_TEXT, &p.to, &p.to_len);

	if (rc != 0) {
		return rc;
	}
	meet(&p);
	if (p.family == GOODWE_FAMILY_AA55) {
		read_aa55(&p);
	}
	/* A name by AA55 and no values by it: some of the ET family. */
	if (!p.read && (p.known || p.refused != 0)) {
		read_modbus(&p);
	}
	return probe_goodwe_show(&p, host, o->json);
}
