/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to the meter at the grid connection: listen, say who is heard and what to try next. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "proto/speedwire.h"
#include "sma_socket.h"

#define METERS	     16U
#define WAIT_MS	     200
#define DW_PER_W     10.0
#define MS_IN_S	     1000.0
#define TEXT_MAX     160
#define RATE_MIN     2U
#define LINES_MAX_DW 20 /* what sum and lines may differ by without a remark */

/* One meter. */
struct meter {
	struct speedwire_meter newest;
	uint32_t source;
	uint32_t count;
	int64_t first_ns;
	int64_t last_ns;
};

struct listening {
	struct meter meter[METERS];
	uint32_t meters;
	uint32_t more; /* datagrams of meters beyond METERS */
	uint32_t kind[SPEEDWIRE_VERDICTS];
	uint32_t datagrams;
	uint32_t elsewhere;
	uint32_t oversized;
	double seconds;
};

struct verdict {
	int status;
	const char *words;
	const char *next;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static const char *address_text(uint32_t source, char text[INET_ADDRSTRLEN])
{
	const struct in_addr a = {.s_addr = htonl(source)};

	return inet_ntop(AF_INET, &a, text, INET_ADDRSTRLEN) != NULL ? text : "?";
}

static void remember(struct listening *l, const struct speedwire_meter *m, uint32_t source)
{
	struct meter *found = NULL;

	for (uint32_t i = 0; i < l->meters && found == NULL; i++) {
		if (l->meter[i].newest.serial == m->serial && l->meter[i].source == source) {
			found = &l->meter[i];
		}
	}
	if (found == NULL && l->meters == METERS) {
		l->more++;
		return;
	}
	if (found == NULL) {
		found = &l->meter[l->meters++];
		*found = (struct meter){.source = source, .first_ns = now()};
	}
	found->newest = *m;
	found->last_ns = now();
	found->count++;
}

static void take(struct listening *l, const uint8_t *data, const struct sma_arrival *a,
		 uint32_t index)
{
	struct speedwire_meter m;

	if (a->index != index) {
		l->elsewhere++;
		return;
	}
	l->datagrams++;
	if (a->len > SPEEDWIRE_DATAGRAM_MAX) {
		l->oversized++;
		return;
	}
	const enum speedwire_verdict v = speedwire_decode(data, a->len, &m);

	l->kind[v]++;
	if (v == SPEEDWIRE_OK) {
		remember(l, &m, a->source);
	}
}

/* Return: 0 or -errno. */
static int listen_to(int fd, uint32_t index, double seconds, struct listening *l)
{
	const int64_t begin_ns = now();
	uint8_t data[SPEEDWIRE_DATAGRAM_MAX];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct sma_arrival a = {0};

		l->seconds = (double)(now() - begin_ns) / (double)NS_PER_S;
		if (l->seconds >= seconds || stopped != 0) {
			return 0;
		}
		(void)poll(&p, 1, WAIT_MS);
		const int r = sma_socket_read(fd, data, sizeof(data), &a);

		if (r == 0) {
			take(l, data, &a, index);
		} else if (r != -EAGAIN && r != -EINTR) {
			return r;
		}
	}
}

static double rate_of(const struct meter *m)
{
	return m->count >= RATE_MIN && m->last_ns > m->first_ns
		       ? (m->count - 1U) / ((double)(m->last_ns - m->first_ns) / (double)NS_PER_S)
		       : 0;
}

static void print_meter(const struct meter *m)
{
	char text[INET_ADDRSTRLEN];
	const struct speedwire_meter *d = &m->newest;
	int32_t differ_dw = 0;

	printf("  meter %" PRIu32 ": %s (SUSy id %u", d->serial, speedwire_device_name(d->susy),
	       d->susy);
	if (d->has_version) {
		printf(", software %u.%u.%u.%c", d->version[0], d->version[1], d->version[2],
		       d->version[3] >= ' ' && d->version[3] <= '~' ? d->version[3] : '?');
	}
	printf(") at %s, protocol %04X\n", address_text(m->source, text), d->protocol);
	printf("      %.1f W (+ import, - export)", speedwire_power_dw(d) / DW_PER_W);
	if (speedwire_lines_differ_dw(d, &differ_dw)) {
		printf(", L1 %.1f W, L2 %.1f W, L3 %.1f W",
		       speedwire_line_power_dw(d, SPEEDWIRE_L1) / DW_PER_W,
		       speedwire_line_power_dw(d, SPEEDWIRE_L2) / DW_PER_W,
		       speedwire_line_power_dw(d, SPEEDWIRE_L3) / DW_PER_W);
	}
	printf("\n      %" PRIu32 " datagrams", m->count);
	if (rate_of(m) > 0) {
		printf(", %.1f a second", rate_of(m));
	}
	printf("\n");
	if (abs_i32(differ_dw) > LINES_MAX_DW) {
		printf("      note: the lines add up to %.1f W more than the sum\n",
		       differ_dw / DW_PER_W);
	}
}

static uint32_t foreign(const struct listening *l)
{
	uint32_t n = 0;

	for (uint32_t v = SPEEDWIRE_NOT_SMA; v < SPEEDWIRE_DAMAGED; v++) {
		n += l->kind[v];
	}
	return n;
}

static void print_kinds(const struct listening *l)
{
	for (uint32_t v = SPEEDWIRE_NOT_SMA; v < SPEEDWIRE_VERDICTS; v++) {
		if (l->kind[v] > 0) {
			printf("  %" PRIu32 " datagrams: %s\n", l->kind[v],
			       speedwire_verdict_name((enum speedwire_verdict)v));
		}
	}
	if (l->oversized > 0) {
		printf("  %" PRIu32 " datagrams longer than any meter's\n", l->oversized);
	}
	if (l->elsewhere > 0) {
		printf("  %" PRIu32 " datagrams came in by another interface and are not counted\n",
		       l->elsewhere);
	}
	if (l->more > 0) {
		printf("  %" PRIu32 " datagrams of still more meters\n", l->more);
	}
}

static struct verdict judge_meters(const struct listening *l, uint32_t serial)
{
	uint32_t wanted = 0;
	bool several = false;

	for (uint32_t i = 0; i < l->meters; i++) {
		wanted += serial == 0U || l->meter[i].newest.serial == serial;
		several = several || l->meter[i].newest.serial != l->meter[0].newest.serial;
	}
	if (wanted == 0) {
		return (struct verdict){
			PROBE_BROKEN, "meters are heard, but not this serial number",
			"compare the number with those above and with the label of the "
			"meter: it goes into sma.serial"};
	}
	if (serial != 0U && wanted > 1U) {
		return (struct verdict){
			PROBE_BROKEN, "one serial number from several addresses",
			"find out who else sends it: the daemon follows the first and "
			"drops the others"};
	}
	if (serial != 0U) {
		return (struct verdict){PROBE_GOOD, "good: the meter is heard", ""};
	}
	return several ? (struct verdict){PROBE_GOOD, "good: several meters are heard",
					  "only one of them is at the grid connection: its number "
					  "goes into sma.serial"}
		       : (struct verdict){PROBE_GOOD, "good: a meter is heard",
					  "its number goes into sma.serial"};
}

static struct verdict judge(const struct listening *l, uint32_t serial)
{
	if (l->meters > 0U) {
		return judge_meters(l, serial);
	}
	if (l->datagrams > foreign(l)) {
		return (struct verdict){
			PROBE_BROKEN, "only damaged datagrams",
			"another program sends to this port, or the meter's firmware is "
			"one that is not known yet"};
	}
	if (foreign(l) > 0) {
		return (struct verdict){
			PROBE_BROKEN, "only other Speedwire devices are heard, no meter",
			"the network works: is the meter on? a Home Manager whose list of direct counter "
			"communication has an entry sends to those alone: empty it or add this machine"};
	}
	if (l->elsewhere > 0) {
		return (struct verdict){PROBE_BROKEN,
					"silent on this interface, not on another one",
					"name the interface that leads to the meter"};
	}
	return (struct verdict){
		PROBE_BROKEN, "silent: no datagram came",
		"check that the meter is on and in this network, that the interface is the right one, "
		"and that no firewall drops UDP port 9522; a switch with IGMP snooping needs a querier; "
		"a Home Manager whose list of direct counter communication has an entry sends to those "
		"alone"};
}

static void print_json(const char *interface, const struct listening *l, const struct verdict *v)
{
	char text[INET_ADDRSTRLEN];

	printf("{\"interface\":");
	probe_json_text(interface);
	printf(",\"good\":%s,\"datagrams\":%u,\"foreign\":%u,\"seconds\":%.1f,\"meters\":[",
	       v->status == PROBE_GOOD ? "true" : "false", l->datagrams, foreign(l), l->seconds);
	for (uint32_t i = 0; i < l->meters; i++) {
		const struct meter *m = &l->meter[i];

		printf("%s{\"serial\":%u,\"susy\":%u,\"device\":", i > 0 ? "," : "",
		       m->newest.serial, m->newest.susy);
		probe_json_text(speedwire_device_name(m->newest.susy));
		printf(",\"protocol\":%u,\"address\":\"%s\",\"power_w\":%.1f,\"count\":%u,"
		       "\"rate\":%.2f}",
		       m->newest.protocol, address_text(m->source, text),
		       speedwire_power_dw(&m->newest) / DW_PER_W, m->count, rate_of(m));
	}
	printf("],\"verdict\":");
	probe_json_text(v->words);
	printf(",\"next\":");
	probe_json_text(v->next);
	printf("}\n");
}

static void print_interfaces(void)
{
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; all != NULL && all[i].if_index != 0U; i++) {
		fprintf(stderr, "%s%s", i == 0 ? "jkpylon-probe: there are: " : " ",
			all[i].if_name);
	}
	fprintf(stderr, "\n");
	if_freenameindex(all);
}

/* Return: exit status, after a message. */
static int explain(const char *interface, const struct probe_options *o, enum sma_socket_part part,
		   int error)
{
	switch (part) {
	case SMA_SOCKET_INTERFACE:
		if (error == -ENETDOWN) {
			fprintf(stderr,
				"jkpylon-probe: %s is down: check its cable, or: ip link set %s up\n",
				interface, interface);
			break;
		}
		fprintf(stderr, "jkpylon-probe: %s: no such interface\n", interface);
		print_interfaces();
		break;
	case SMA_SOCKET_PORT:
		fprintf(stderr,
			"jkpylon-probe: UDP port %d: %s: another program holds it for itself; this "
			"names it: ss -lunp 'sport = %d'\n",
			o->port, strerror(-error), o->port);
		break;
	case SMA_SOCKET_JOIN:
		fprintf(stderr,
			"jkpylon-probe: %s refuses the multicast group %s: %s: name the interface that "
			"leads to the meter\n",
			interface, o->group, strerror(-error));
		break;
	case SMA_SOCKET_SOCKET:
	default:
		fprintf(stderr, "jkpylon-probe: UDP socket: %s\n", strerror(-error));
		break;
	}
	return PROBE_DEVICE;
}

int probe_sma(const char *interface, const struct probe_options *o)
{
	static struct listening l;
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	enum sma_socket_part part = SMA_SOCKET_SOCKET;
	struct in_addr group;
	uint32_t index = 0;
	int fd = -1;

	if (inet_pton(AF_INET, o->group, &group) != 1 || !IN_MULTICAST(ntohl(group.s_addr))) {
		fprintf(stderr, "jkpylon-probe: --group %s: expected an IPv4 multicast address\n",
			o->group);
		return PROBE_USAGE;
	}
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	int r = sma_socket_open(interface, ntohl(group.s_addr), o->port, &fd, &index, &part);

	if (r != 0) {
		return explain(interface, o, part, r);
	}
	if (!o->json) {
		printf("%s: listening to %s port %d for %g s\n", interface, o->group, o->port,
		       o->seconds);
		fflush(stdout);
	}
	r = listen_to(fd, index, o->seconds, &l);
	(void)close(fd);
	if (r != 0) {
		fprintf(stderr, "jkpylon-probe: %s: %s\n", interface, strerror(-r));
		return PROBE_DEVICE;
	}
	const struct verdict v = judge(&l, o->serial);

	if (o->json) {
		print_json(interface, &l, &v);
		return v.status;
	}
	for (uint32_t i = 0; i < l.meters; i++) {
		print_meter(&l.meter[i]);
	}
	print_kinds(&l);
	printf("verdict: %s\n", v.words);
	if (v.next[0] != '\0') {
		printf("next: %s\n", v.next);
	}
	return v.status;
}
