/* SPDX-License-Identifier: Apache-2.0 */
/* CAN interfaces: what sysfs and netlink say, and whether anybody speaks there. */
#include "probe_found.h"

#include <errno.h>
#include <libsocketcan.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "canbus.h"
#include "proto/pylon.h"

#define WAIT_MS	   100
#define INTERFACES 64U
#define FRAMES	   10U /* as many tell enough, if the inverter is among them */

/* The kernel's answers from a file, where a folder stands for the machine. */
static void ask_file(const struct found *f, struct found_can *c)
{
	char path[FOUND_PATH * 2];
	char line[FOUND_NAME];
	FILE *file = NULL;

	if (!sys_path(f, path, sizeof(path), "/netlink/%s", c->name)) {
		return;
	}
	file = fopen(path, "re");
	if (file == NULL) {
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end = NULL;
		const char *word = strtok_r(line, " ", &end);
		const long long v = word == NULL ? 0 : strtoll(end, NULL, 10);

		if (word == NULL) {
			continue;
		}
		if (strcmp(word, "state") == 0) {
			c->state = (int32_t)v;
		} else if (strcmp(word, "bitrate") == 0) {
			c->bitrate = (uint32_t)v;
		} else if (strcmp(word, "clock") == 0) {
			c->clock = (uint32_t)v;
		} else if (strcmp(word, "tx_err") == 0) {
			c->has_counters = true;
			c->tx_err = (uint32_t)v;
		} else if (strcmp(word, "rx_err") == 0) {
			c->has_counters = true;
			c->rx_err = (uint32_t)v;
		}
	}
	(void)fclose(file);
}

static void ask_kernel(struct found_can *c)
{
	struct can_bittiming timing = {0};
	struct can_clock clock = {0};
	struct can_berr_counter counter = {0};
	int state = FOUND_UNKNOWN;

	if (can_get_state(c->name, &state) == 0) {
		c->state = state;
	}
	if (can_get_bittiming(c->name, &timing) == 0) {
		c->bitrate = timing.bitrate;
	}
	if (can_get_clock(c->name, &clock) == 0) {
		c->clock = clock.freq;
	}
	/* Many drivers know the counters only while the interface is up. */
	if (c->up && can_get_berr_counter(c->name, &counter) == 0) {
		c->has_counters = true;
		c->tx_err = counter.txerr;
		c->rx_err = counter.rxerr;
	}
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void listen_to(const struct found *f, struct found_can *c)
{
	const int64_t end_ns = now_ns() + FOUND_LISTEN_S * NS_PER_S;
	char spec[FOUND_PATH * 2 + sizeof("unix:")];
	struct canbus bus;

	sys_text(spec, sizeof(spec), "%s", c->name);
	if (f->root[0] != '\0') {
		sys_text(spec, sizeof(spec), "unix:%s/bus/%s", f->root, c->name);
	}
	if (canbus_open(&bus, spec) != 0) {
		return;
	}
	c->listened = true;
	while (now_ns() < end_ns && !(c->alive && c->frames >= FRAMES)) {
		struct canbus_frame frame;
		const int rc = canbus_read(&bus, WAIT_MS, &frame);

		if (rc == 0 && (frame.can.can_id & CAN_ERR_FLAG) == 0U) {
			c->frames++;
			c->alive = c->alive || frame.can.can_id == PYLON_ID_ALIVE;
		} else if (rc != 0 && rc != -EAGAIN && rc != -EINTR && rc != -EBADMSG) {
			break;
		}
	}
	canbus_close(&bus);
}

static bool is_virtual(const struct found *f, struct found_can *c)
{
	char path[FOUND_PATH];

	sys_text(path, sizeof(path), "/sys/class/net/%s/device", c->name);
	return !sys_exists(f, path);
}

static void look_at(const struct found *f, struct found_can *c)
{
	char path[FOUND_PATH];
	char text[FOUND_NAME];

	c->state = FOUND_UNKNOWN;
	sys_text(path, sizeof(path), "/sys/class/net/%s/flags", c->name);
	if (sys_line(f, path, text, sizeof(text))) {
		c->up = (strtoul(text, NULL, 0) & (unsigned long)IFF_UP) != 0UL;
	}
	sys_text(path, sizeof(path), "/sys/class/net/%s/device/driver", c->name);
	sys_link(f, path, c->driver, sizeof(c->driver));
	c->virtual_ = is_virtual(f, c);
	if (f->root[0] != '\0') {
		ask_file(f, c);
	} else if (!c->virtual_) {
		ask_kernel(c);
	}
	if (c->up) {
		listen_to(f, c);
	}
}

void found_cans(struct found *f)
{
	char names[INTERFACES][FOUND_NAME];
	const uint32_t n = sys_list(f, "/sys/class/net", "", names, INTERFACES);

	for (uint32_t i = 0; i < n; i++) {
		char path[FOUND_PATH];

		sys_text(path, sizeof(path), "/sys/class/net/%s/type", names[i]);
		if (sys_number(f, path, 0) != ARPHRD_CAN) {
			continue;
		}
		if (f->cans == FOUND_CANS) {
			f->more = true;
			return;
		}
		struct found_can *c = &f->can[f->cans++];

		memcpy(c->name, names[i], sizeof(c->name));
		look_at(f, c);
	}
}
