/* SPDX-License-Identifier: Apache-2.0 */
/* What was found on a machine, for programs. */
#include "probe_found.h"

#include <inttypes.h>
#include <stdio.h>

static void text(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	probe_json_text(value);
}

static void flag(const char *key, bool value)
{
	printf(",\"%s\":%s", key, value ? "true" : "false");
}

static void number(const char *key, int64_t value)
{
	printf(",\"%s\":", key);
	if (value == FOUND_UNKNOWN) {
		printf("null");
	} else {
		printf("%" PRId64, value);
	}
}

static void name(const char *value, uint32_t i)
{
	printf("%s{\"name\":", i > 0 ? "," : "");
	probe_json_text(value);
}

static void serials(const struct found *f)
{
	printf("\"serial\":[");
	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *s = &f->serial[i];

		name(s->name, i);
		text("path", s->path);
		text("driver", s->driver);
		text("holder", s->holder);
		number("latency_ms", s->latency_ms);
		flag("console", s->console);
		flag("permitted", s->may);
		flag("asked", s->asked);
		if (s->asked) {
			flag("good", s->verdict == PROBE_GOOD);
			text("verdict", s->bms.words);
		}
		if (s->asked && s->verdict == PROBE_GOOD) {
			number("cells", s->bms.sample.cells);
			number("capacity_ah", s->bms.sample.capacity_ah);
			number("soc_pct", s->bms.sample.soc_pct);
		}
		printf("}");
	}
	printf("]");
}

static void cans(const struct found *f)
{
	printf(",\"can\":[");
	for (uint32_t i = 0; i < f->cans; i++) {
		const struct found_can *c = &f->can[i];

		name(c->name, i);
		text("driver", c->driver);
		flag("virtual", c->virtual_);
		flag("up", c->up);
		number("state", c->state);
		number("bitrate", c->bitrate > 0 ? (int64_t)c->bitrate : FOUND_UNKNOWN);
		number("clock_hz", c->clock > 0 ? (int64_t)c->clock : FOUND_UNKNOWN);
		number("tx_err", c->has_counters ? (int64_t)c->tx_err : FOUND_UNKNOWN);
		number("rx_err", c->has_counters ? (int64_t)c->rx_err : FOUND_UNKNOWN);
		number("frames", c->listened ? (int64_t)c->frames : FOUND_UNKNOWN);
		flag("alive", c->alive);
		printf("}");
	}
	printf("]");
}

static void devices(const struct found *f)
{
	printf(",\"gpio\":[");
	for (uint32_t i = 0; i < f->chips; i++) {
		const struct found_chip *c = &f->chip[i];

		name(c->name, i);
		text("label", c->list.label);
		number("lines", c->list.lines);
		number("errno", c->error);
		printf("}");
	}
	printf("],\"watchdog\":[");
	for (uint32_t i = 0; i < f->dogs; i++) {
		const struct found_dog *d = &f->dog[i];

		name(d->name, i);
		text("identity", d->identity);
		number("timeout_s", d->timeout_s);
		flag("nowayout", d->nowayout);
		flag("active", d->active);
		printf("}");
	}
	printf("]");
}

static void network(const struct found *f)
{
	printf(",\"network\":{\"looked\":%s,\"meter\":[", f->network ? "true" : "false");
	for (uint32_t i = 0; i < f->meters; i++) {
		const struct found_meter *m = &f->meter[i];

		name(m->device, i);
		number("serial", m->serial);
		text("address", m->address);
		text("interface", m->interface);
		printf("}");
	}
	printf("],\"goodwe\":[");
	for (uint32_t i = 0; i < f->modules; i++) {
		name(f->module[i].text, i);
		text("address", f->module[i].address);
		text("interface", f->module[i].interface);
		printf("}");
	}
	printf("]");
	flag("broker", f->host.broker);
	flag("broker_listens", f->host.broker_listens);
	printf("}");
}

static void host(const struct found_host *h)
{
	printf(",\"host\":{\"realtime\":%s", h->realtime ? "true" : "false");
	text("kernel", h->kernel);
	text("governor", h->governor);
	text("isolated", h->isolated);
	number("cpus", h->cpus);
	number("rtprio", h->rtprio);
	number("memlock_kib", h->memlock_kib);
	text("unit", h->unit);
	text("rules", h->rules);
	text("config", h->config);
	flag("config_as_shipped", h->as_shipped);
	flag("user", h->user);
	flag("dialout", h->dialout);
	flag("gpio", h->gpio);
	printf("}");
}

void found_show_json(const struct found *f)
{
	printf("{");
	serials(f);
	cans(f);
	devices(f);
	network(f);
	host(&f->host);
	printf(",\"notes\":[");
	for (uint32_t i = 0; i < f->notes; i++) {
		printf("%s{\"needed\":%s", i > 0 ? "," : "", f->note[i].needed ? "true" : "false");
		text("what", f->note[i].what);
		text("next", f->note[i].next);
		printf("}");
	}
	printf("],\"missing\":%" PRIu32 "}\n", found_missing(f));
}
