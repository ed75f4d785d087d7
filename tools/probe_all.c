/* SPDX-License-Identifier: Apache-2.0 */
/* "all": look at the whole machine and say what there is, what is missing and what to do. */
#include "probe_found.h"

#include <inttypes.h>
#include <linux/can/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"

#define MV_PER_V    1000.0
#define NS_PER_MS_F 1e6
#define HZ_PER_MHZ  1e6
#define NAMED_LINES 28U

static const char *const headings[FOUND_PARTS] = {
	[FOUND_PART_SERIAL] = "Serial devices (BMS)",
	[FOUND_PART_CAN] = "CAN interfaces (inverter)",
	[FOUND_PART_GPIO] = "GPIO chips (relay)",
	[FOUND_PART_WATCHDOG] = "Watchdogs",
	[FOUND_PART_REALTIME] = "Realtime",
	[FOUND_PART_NETWORK] = "Network (meter, other inverter, MQTT)",
	[FOUND_PART_INSTALLED] = "Installation",
};

void found_all(struct found *f, const struct probe_options *o)
{
	found_serials(f);
	found_cans(f);
	found_chips(f);
	found_dogs(f);
	found_host(f);
	found_network(f, o->interface, o);
}

static void show_bms(const struct found_serial *s)
{
	const struct jk_sample *b = &s->bms.sample;

	if (!s->asked) {
		const char *reason = found_serial_reason(s);

		printf("      BMS: not asked%s%s\n", reason != NULL ? ", " : "",
		       reason != NULL ? reason : "");
		return;
	}
	if (s->verdict != PROBE_GOOD) {
		printf("      BMS: %s\n      next: %s\n", s->bms.words, s->bms.next);
		return;
	}
	printf("      BMS: answers after %.0f ms: %u cells, %.2f V, SoC %u %%, %" PRIu32 " Ah\n",
	       (double)s->bms.reply_ns / NS_PER_MS_F, b->cells, b->pack_mv / MV_PER_V, b->soc_pct,
	       b->capacity_ah);
}

static void show_serials(const struct found *f)
{
	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *s = &f->serial[i];

		printf("  %s\n      %s", s->path, s->name);
		if (s->driver[0] != '\0') {
			printf(", driver %s", s->driver);
		}
		if (s->latency_ms != FOUND_UNKNOWN) {
			printf(", latency timer %d ms", s->latency_ms);
		}
		if (s->holder[0] != '\0') {
			printf(", in use by %s", s->holder);
		}
		printf("\n");
		show_bms(s);
	}
}

static const char *state_text(int32_t state)
{
	static const char *const names[] = {
		[CAN_STATE_ERROR_ACTIVE] = "error-active",
		[CAN_STATE_ERROR_WARNING] = "error-warning",
		[CAN_STATE_ERROR_PASSIVE] = "error-passive",
		[CAN_STATE_BUS_OFF] = "bus-off",
		[CAN_STATE_STOPPED] = "stopped",
		[CAN_STATE_SLEEPING] = "sleeping",
	};

	return state >= 0 && (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static void show_cans(const struct found *f)
{
	for (uint32_t i = 0; i < f->cans; i++) {
		const struct found_can *c = &f->can[i];

		printf("  %s: %s, %s", c->name, c->virtual_ ? "virtual" : c->driver,
		       c->up ? "up" : "down");
		if (c->state != FOUND_UNKNOWN) {
			printf(", %s", state_text(c->state));
		}
		if (c->bitrate > 0) {
			printf(", %" PRIu32 " bit/s", c->bitrate);
		}
		if (c->clock > 0) {
			printf(", clock %.1f MHz", c->clock / HZ_PER_MHZ);
			/* The controller divides by two what its crystal gives. */
			if (strncmp(c->driver, "mcp251x", sizeof("mcp251x")) == 0) {
				printf(" (crystal of %.0f MHz: compare with its print)",
				       2.0 * c->clock / HZ_PER_MHZ);
			}
		}
		if (c->has_counters) {
			printf(", errors %" PRIu32 " sent, %" PRIu32 " received", c->tx_err,
			       c->rx_err);
		}
		printf("\n");
		if (c->listened) {
			printf("      %" PRIu32 " frames%s\n", c->frames,
			       c->alive ? ", the inverter among them (0x305)" : "");
		}
	}
}

static void show_chips(const struct found *f)
{
	for (uint32_t i = 0; i < f->chips; i++) {
		const struct found_chip *c = &f->chip[i];
		uint32_t shown = 0;

		if (c->error != 0) {
			printf("  %s\n", c->name);
			continue;
		}
		printf("  %s [%s], %u lines\n", c->name, c->list.label, c->list.lines);
		for (uint32_t k = 0; k < c->list.lines && k < LINE_LIST_MAX; k++) {
			const struct line_list_line *l = &c->list.line[k];

			if ((l->name[0] == '\0' && !l->used) || shown == NAMED_LINES) {
				continue;
			}
			shown++;
			printf("      %2u %s%s%s%s\n", k, l->name[0] != '\0' ? l->name : "-",
			       l->used ? ", used" : "", l->consumer[0] != '\0' ? " by " : "",
			       l->consumer);
		}
	}
}

static void show_dogs(const struct found *f)
{
	for (uint32_t i = 0; i < f->dogs; i++) {
		const struct found_dog *d = &f->dog[i];

		printf("  /dev/%s: %s, %d s%s%s\n", d->name,
		       d->identity[0] != '\0' ? d->identity : "no name", d->timeout_s,
		       d->nowayout ? ", cannot be stopped once started" : "",
		       d->active ? ", in use" : "");
	}
}

static void show_realtime(const struct found_host *h)
{
	printf("  kernel %s%s, %d processors, isolated: %s\n",
	       h->kernel[0] != '\0' ? h->kernel : "unknown", h->realtime ? ", PREEMPT_RT" : "",
	       h->cpus, h->isolated[0] != '\0' ? h->isolated : "none");
	if (h->governor[0] != '\0') {
		printf("  governor %s\n", h->governor);
	}
	printf("  limits of this shell: rtprio ");
	if (h->rtprio == FOUND_UNKNOWN) {
		printf("unlimited");
	} else {
		printf("%" PRId64, h->rtprio);
	}
	if (h->memlock_kib == FOUND_UNKNOWN) {
		printf(", memlock unlimited; the service has its own\n");
	} else {
		printf(", memlock %" PRId64 " KiB; the service has its own\n", h->memlock_kib);
	}
}

static void show_network(const struct found *f)
{
	if (!f->network) {
		printf("  left out (--interface none)\n");
	}
	if (f->network && f->nets == 0) {
		printf("  no such interface is up with an IPv4 address: ip -4 address\n");
	}
	for (uint32_t i = 0; i < f->nets; i++) {
		printf("  %s: listened for meters, asked for GoodWe modules\n", f->net[i]);
	}
	for (uint32_t i = 0; i < f->meters; i++) {
		const struct found_meter *m = &f->meter[i];

		printf("  meter %" PRIu32 ": %s at %s on %s\n", m->serial, m->device, m->address,
		       m->interface);
	}
	for (uint32_t i = 0; i < f->modules; i++) {
		const struct found_module *m = &f->module[i];

		printf("  GoodWe module at %s on %s: %s\n", m->address, m->interface, m->text);
	}
	if (f->network && f->meters == 0) {
		printf("  no SMA meter is heard (one is not necessary)\n");
	}
	if (f->network && f->modules == 0) {
		printf("  no GoodWe module answers (one is not necessary; LAN modules do not "
		       "answer)\n");
	}
	printf("  MQTT broker on this machine: %s\n",
	       f->host.broker_listens ? "listens on port 1883"
	       : f->host.broker	      ? "mosquitto is installed, nothing listens on port 1883"
				      : "none (one is not necessary)");
}

static void show_installed(const struct found_host *h)
{
	printf("  service: %s\n", h->unit[0] != '\0' ? h->unit : "not installed");
	printf("  udev rule: %s\n", h->rules[0] != '\0' ? h->rules : "not installed");
	printf("  user jkpylon: %s%s%s\n", h->user ? "there" : "none",
	       h->dialout ? ", in dialout" : "", h->gpio ? ", in gpio" : "");
	printf("  configuration: %s\n", h->config[0] != '\0' ? h->config
					: h->as_shipped	     ? "none yet (as shipped)"
							     : "none");
}

static void show_part(const struct found *f, enum found_part part)
{
	printf("%s\n", headings[part]);
	switch (part) {
	case FOUND_PART_SERIAL:
		show_serials(f);
		break;
	case FOUND_PART_CAN:
		show_cans(f);
		break;
	case FOUND_PART_GPIO:
		show_chips(f);
		break;
	case FOUND_PART_WATCHDOG:
		show_dogs(f);
		break;
	case FOUND_PART_REALTIME:
		show_realtime(&f->host);
		break;
	case FOUND_PART_NETWORK:
		show_network(f);
		break;
	case FOUND_PART_INSTALLED:
		show_installed(&f->host);
		break;
	case FOUND_PARTS:
	default:
		break;
	}
	for (uint32_t i = 0; i < f->notes; i++) {
		const struct found_note *n = &f->note[i];

		if (n->part == part) {
			printf("  %s: %s\n      next: %s\n", n->needed ? "MISSING" : "note",
			       n->what, n->next);
		}
	}
	printf("\n");
}

void found_show(const struct found *f)
{
	const uint32_t missing = found_missing(f);
	bool asked = false;

	for (enum found_part part = FOUND_PART_SERIAL; part < FOUND_PARTS; part++) {
		show_part(f, part);
	}
	if (f->more) {
		printf("There is more than is shown here.\n");
	}
	for (uint32_t i = 0; i < f->serials; i++) {
		asked = asked || f->serial[i].asked;
	}
	if (missing > 0) {
		printf("verdict: missing, %" PRIu32 " of what is necessary: see MISSING above\n",
		       missing);
	} else if (!asked) {
		printf("verdict: what a minimal system needs is there; no BMS was asked "
		       "(--ask-bms)\n");
	} else {
		printf("verdict: all that a minimal system needs is there\n");
	}
}

/* Writing to a serial device needs consent: it may lead to something else than a BMS. */
static bool consent(const struct found *f, const struct probe_options *o)
{
	char answer[FOUND_NAME];
	uint32_t n = 0;

	if (o->ask_bms) {
		return true;
	}
	if (o->json || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
		return false;
	}
	for (uint32_t i = 0; i < f->serials; i++) {
		if (found_serial_reason(&f->serial[i]) == NULL) {
			printf("%s  %s\n", n++ == 0 ? "A BMS may be on:\n" : "", f->serial[i].path);
		}
	}
	if (n == 0) {
		return false;
	}
	if (geteuid() != 0) {
		printf("Who else has them open can be seen by root only.\n");
	}
	printf("Ask there? It writes to each of them the 21 bytes that ask a JK BMS for its values. "
	       "[y/N] ");
	(void)fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

int probe_all(const struct probe_options *o)
{
	static struct found f;

	if (o->root != NULL && strlen(o->root) >= sizeof(f.root)) {
		fprintf(stderr, "jkpylon-probe: --sysroot: the name is too long\n");
		return PROBE_USAGE;
	}
	sys_text(f.root, sizeof(f.root), "%s", o->root == NULL ? "" : o->root);
	if (!o->json) {
		printf("Looking at this machine; nothing is changed. Some seconds of listening ...\n");
		(void)fflush(stdout);
	}
	found_all(&f, o);
	if (consent(&f, o)) {
		found_ask_bms(&f, !o->json);
	}
	found_judge(&f);
	if (o->json) {
		found_show_json(&f);
	} else {
		printf("\n");
		found_show(&f);
	}
	return found_missing(&f) > 0 ? PROBE_DEVICE : PROBE_GOOD;
}
