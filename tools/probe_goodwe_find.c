/* SPDX-License-Identifier: Apache-2.0 */
/* The search for modules of GoodWe inverters, by broadcast. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "probe_goodwe.h"

#define FINDER_PORT "48899"
#define FINDER_MS   3000
#define FINDER_MAX  100
#define TEXT_MAX    128
#define QUESTION    "WIFIKIT-214028-READ"

/* A line of what a module says of itself: from anybody, so only what is printable. */
static void show_found(const struct sockaddr_storage *from, socklen_t from_len, const uint8_t *data,
		       size_t len)
{
	char place[PROBE_GOODWE_ADDRESS];

	probe_goodwe_place(from, from_len, place, sizeof(place));
	printf("%s says: ", place);
	for (size_t i = 0; i < len; i++) {
		putchar(data[i] >= ' ' && data[i] <= '~' ? data[i] : '.');
	}
	putchar('\n');
}

/* Return: modules that answered. */
static int hear_modules(int fd)
{
	const int64_t end_ns = probe_goodwe_now() + FINDER_MS * NS_PER_MS;
	int found = 0;

	for (int64_t left_ns = FINDER_MS * NS_PER_MS; left_ns > 0 && found < FINDER_MAX;
	     left_ns = end_ns - probe_goodwe_now()) {
		struct pollfd f = {.fd = fd, .events = POLLIN};
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		uint8_t data[TEXT_MAX];

		if (poll(&f, 1, (int)(left_ns / NS_PER_MS) + 1) <= 0) {
			continue;
		}
		const ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from,
					   &from_len);

		/* Our own question comes back where the broadcast reaches us too. */
		if (n > 0 &&
		    !((size_t)n == strlen(QUESTION) && memcmp(data, QUESTION, (size_t)n) == 0)) {
			show_found(&from, from_len, data, (size_t)n);
			found++;
		}
	}
	return found;
}

int probe_goodwe_find(const char *broadcast)
{
	const int on = 1;
	struct sockaddr_storage to;
	socklen_t to_len = 0;
	const int rc = probe_goodwe_address(broadcast, FINDER_PORT, &to, &to_len);

	if (rc != 0) {
		return rc;
	}
	const int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
	    sendto(fd, QUESTION, strlen(QUESTION), 0, (const struct sockaddr *)&to, to_len) < 0) {
		fprintf(stderr,
			"jkpylon-probe: %s: %s\n"
			"next: give the broadcast address of the interface that leads to the inverter, "
			"\"brd\" in the output of: ip -4 address\n",
			broadcast, strerror(errno));
		if (fd >= 0) {
			(void)close(fd);
		}
		return PROBE_DEVICE;
	}
	const int found = hear_modules(fd);

	(void)close(fd);
	if (found == 0) {
		printf("no module answered\n"
		       "next: check that %s is the broadcast address of the inverter's network; LAN "
		       "modules and newer WiFi modules do not answer: take the address that the router "
		       "shows\n",
		       broadcast);
		return PROBE_BROKEN;
	}
	printf("next: jkpylon-probe goodwe ADDRESS\n");
	return PROBE_GOOD;
}
