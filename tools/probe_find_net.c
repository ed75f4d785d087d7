/* SPDX-License-Identifier: Apache-2.0 */
/* The local network: meters that speak by themselves, and GoodWe modules that answer a search. */
#include "probe_found.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "probe_goodwe.h"
#include "proto/speedwire.h"
#include "sma_socket.h"

#define FINDER_PORT 48899
#define QUESTION    "WIFIKIT-214028-READ"
#define SOCKETS	    (2U * FOUND_NETS)
#define LISTEN_MS   3000
#define NONE	    "none"
#define LOOPBACK    "127.255.255.255"

/* A socket: of meters, or of modules. */
struct leg {
	const char *interface;
	uint32_t index;
	bool meters;
};

static void take_meter(struct found *f, const struct leg *leg, const uint8_t *data,
		       const struct sma_arrival *a)
{
	const struct in_addr from = {.s_addr = htonl(a->source)};
	struct speedwire_meter m;

	if (a->index != leg->index || a->len > SPEEDWIRE_DATAGRAM_MAX ||
	    speedwire_decode(data, a->len, &m) != SPEEDWIRE_OK) {
		return;
	}
	for (uint32_t i = 0; i < f->meters; i++) {
		if (f->meter[i].serial == m.serial) {
			return;
		}
	}
	if (f->meters == FOUND_METERS) {
		f->more = true;
		return;
	}
	struct found_meter *found = &f->meter[f->meters++];

	found->serial = m.serial;
	sys_text(found->interface, sizeof(found->interface), "%s", leg->interface);
	sys_text(found->device, sizeof(found->device), "%s", speedwire_device_name(m.susy));
	(void)inet_ntop(AF_INET, &from, found->address, sizeof(found->address));
}

/* From anybody: only what is printable is kept. */
static void take_module(struct found *f, const struct leg *leg, const uint8_t *data, size_t len,
			const struct sockaddr_in *from)
{
	char address[INET_ADDRSTRLEN] = "";

	/* Our own question comes back where the broadcast reaches us too. */
	if (len == strlen(QUESTION) && memcmp(data, QUESTION, len) == 0) {
		return;
	}
	(void)inet_ntop(AF_INET, &from->sin_addr, address, sizeof(address));
	for (uint32_t i = 0; i < f->modules; i++) {
		if (strcmp(f->module[i].address, address) == 0) {
			return;
		}
	}
	if (f->modules == FOUND_MODULES) {
		f->more = true;
		return;
	}
	struct found_module *m = &f->module[f->modules++];

	sys_text(m->interface, sizeof(m->interface), "%s", leg->interface);
	sys_text(m->address, sizeof(m->address), "%s", address);
	for (size_t i = 0; i < len && i + 1 < sizeof(m->text); i++) {
		m->text[i] = data[i] >= ' ' && data[i] <= '~' ? (char)data[i] : '.';
	}
}

static void read_leg(struct found *f, const struct leg *leg, int fd)
{
	uint8_t data[SPEEDWIRE_DATAGRAM_MAX];

	if (leg->meters) {
		struct sma_arrival a = {0};

		if (sma_socket_read(fd, data, sizeof(data), &a) == 0) {
			take_meter(f, leg, data, &a);
		}
		return;
	}
	struct sockaddr_in from = {0};
	socklen_t len = sizeof(from);
	const ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

	if (n > 0) {
		take_module(f, leg, data, (size_t)n, &from);
	}
}

/* The question goes out by this interface and no other. Return: descriptor, -1. */
static int open_finder(const char *interface, const struct in_addr *broadcast)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(FINDER_PORT), .sin_addr = *broadcast};
	const uint32_t index = htonl(if_nametoindex(interface));
	const int on = 1;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index, sizeof(index));
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
	    sendto(fd, QUESTION, strlen(QUESTION), 0, (const struct sockaddr *)&to, sizeof(to)) <
		    0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool wanted(const struct ifaddrs *a, const char *only)
{
	if (a->ifa_addr == NULL || a->ifa_addr->sa_family != AF_INET ||
	    (a->ifa_flags & IFF_UP) == 0U || strlen(a->ifa_name) >= FOUND_NAME) {
		return false;
	}
	if (only != NULL) {
		return strcmp(a->ifa_name, only) == 0;
	}
	return (a->ifa_flags & IFF_LOOPBACK) == 0U;
}

static struct in_addr broadcast_of(const struct ifaddrs *a)
{
	struct in_addr b = {.s_addr = INADDR_ANY};

	if ((a->ifa_flags & IFF_LOOPBACK) != 0U) {
		(void)inet_pton(AF_INET, LOOPBACK, &b);
	} else if ((a->ifa_flags & IFF_BROADCAST) != 0U && a->ifa_broadaddr != NULL) {
		struct sockaddr_in in;

		memcpy(&in, a->ifa_broadaddr, sizeof(in));
		b = in.sin_addr;
	}
	return b;
}

/* Legs of one interface. Return: how many there are now. */
static uint32_t open_legs(const struct ifaddrs *a, const char *name, const struct probe_options *o,
			  struct leg *leg, struct pollfd *p, uint32_t n)
{
	const struct in_addr broadcast = broadcast_of(a);
	enum sma_socket_part part = SMA_SOCKET_SOCKET;
	struct in_addr group;
	int fd = -1;

	leg[n] = (struct leg){.interface = name, .meters = true};
	if (inet_pton(AF_INET, o->group, &group) == 1 &&
	    sma_socket_open(name, ntohl(group.s_addr), o->port, &fd, &leg[n].index, &part) == 0) {
		p[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	if (broadcast.s_addr != INADDR_ANY) {
		fd = open_finder(name, &broadcast);
		if (fd >= 0) {
			leg[n] = (struct leg){.interface = name, .meters = false};
			p[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
	return n;
}

static bool known(const struct found *f, const char *name)
{
	for (uint32_t i = 0; i < f->nets; i++) {
		if (strcmp(f->net[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static void listen_to(struct found *f, const struct leg *leg, struct pollfd *p, uint32_t n)
{
	const int64_t end_ns = probe_goodwe_now() + LISTEN_MS * NS_PER_MS;

	for (int64_t left_ns = LISTEN_MS * NS_PER_MS; n > 0 && left_ns > 0;
	     left_ns = end_ns - probe_goodwe_now()) {
		if (poll(p, n, (int)(left_ns / NS_PER_MS) + 1) <= 0) {
			continue;
		}
		for (uint32_t i = 0; i < n; i++) {
			if (p[i].revents != 0) {
				read_leg(f, &leg[i], p[i].fd);
			}
		}
	}
}

void found_network(struct found *f, const char *only, const struct probe_options *o)
{
	struct pollfd p[SOCKETS];
	struct leg leg[SOCKETS];
	struct ifaddrs *all = NULL;
	uint32_t n = 0;

	f->network = only == NULL || strcmp(only, NONE) != 0;
	if (!f->network || getifaddrs(&all) != 0) {
		return;
	}
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		if (!wanted(a, only) || known(f, a->ifa_name)) {
			continue;
		}
		if (f->nets == FOUND_NETS) {
			f->more = true;
			break;
		}
		char *name = f->net[f->nets++];

		sys_text(name, FOUND_NAME, "%s", a->ifa_name);
		n = open_legs(a, name, o, leg, p, n);
	}
	freeifaddrs(all);
	listen_to(f, leg, p, n);
	for (uint32_t i = 0; i < n; i++) {
		(void)close(p[i].fd);
	}
}
