/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to a GoodWe inverter in words, and what to try next. */
#include <stdio.h>
#include <string.h>

#include "probe_goodwe.h"

#define IDLE_MA	   1000
#define MILLI	   1e3
#define NS_PER_MSF 1e6

static enum probe_goodwe_verdict verdict_of(const struct probe_goodwe *p)
{
	if (p->read) {
		return goodwe_has_battery(&p->battery) ? PROBE_GOODWE_GOOD
						       : PROBE_GOODWE_NO_BATTERY;
	}
	if (p->damaged != 0) {
		return PROBE_GOODWE_DAMAGED;
	}
	if (p->refused != 0) {
		return PROBE_GOODWE_REFUSED;
	}
	if (p->known) {
		return PROBE_GOODWE_NAME_ONLY;
	}
	if (p->echoes != 0) {
		return PROBE_GOODWE_ECHO;
	}
	if (p->foreign != 0) {
		return PROBE_GOODWE_OTHER;
	}
	if (p->strange) {
		return PROBE_GOODWE_STRANGER;
	}
	return p->net_error != 0 ? PROBE_GOODWE_UNREACHABLE : PROBE_GOODWE_SILENT;
}

static const struct {
	const char *key;
	const char *words;
	const char *next;
} texts[PROBE_GOODWE_VERDICTS] = {
	[PROBE_GOODWE_GOOD] = {"good", "the inverter answers and says what its battery does",
			       "write goodwe.host into the configuration"},
	[PROBE_GOODWE_NO_BATTERY] =
		{"no-battery", "the inverter answers, but reports no battery",
		 "is a battery connected, switched on, and chosen in the inverter's menu? Without one "
		 "there is nothing to coordinate with: leave goodwe.host out"},
	[PROBE_GOODWE_NAME_ONLY] =
		{"no-values",
		 "the inverter says who it is, but gives no values, by AA55 nor by Modbus",
		 "wait a minute, since its module may be busy, and try again; then restart the module"},
	[PROBE_GOODWE_REFUSED] = {"refused", "the inverter refuses the registers",
				  "this model cannot be read: leave goodwe.host out"},
	[PROBE_GOODWE_DAMAGED] =
		{"damaged", "answers come, but damaged",
		 "LAN modules with firmware 1.0.14 cut their answers: update them; with WiFi check "
		 "the reception"},
	[PROBE_GOODWE_ECHO] =
		{"echo", "our own requests come back, and nothing else",
		 "this is no inverter but something that returns what it gets: check the address"},
	[PROBE_GOODWE_STRANGER] =
		{"stranger", "an answer came from another place than was asked",
		 "is the address that of the inverter's module, or of a router that forwards? Give the "
		 "module's own; the daemon takes answers from the asked address and port only"},
	[PROBE_GOODWE_OTHER] = {"other", "something answers, but not like a GoodWe inverter",
				"check the address: another device may have it now"},
	[PROBE_GOODWE_UNREACHABLE] =
		{"unreachable", "the network cannot reach this address and port",
		 "wrong address, or no module listens: compare with the list of the router; search: "
		 "jkpylon-probe goodwe-find BROADCAST"},
	[PROBE_GOODWE_SILENT] =
		{"no-answer", "no answer",
		 "has the inverter power, is its module in this network, and does nothing else ask it "
		 "every few seconds? Modules hang then: restart it. Newer LAN modules speak Modbus TCP "
		 "only. The address: see the router, or jkpylon-probe goodwe-find BROADCAST"},
};

static void show_value(const char *name, int32_t v, double scale, const char *unit)
{
	if (v == GOODWE_NO_VALUE) {
		printf("  %-14s no value\n", name);
	} else {
		printf("  %-14s %.*f %s\n", name, scale > 1 ? 1 : 0, (double)v / scale, unit);
	}
}

static void show_battery(const struct probe_goodwe *p)
{
	const struct goodwe_battery *b = &p->battery;

	printf("battery\n  %-14s %s (%d)\n", "mode", goodwe_mode_name(b->mode), b->mode);
	show_value("voltage", b->voltage_mv, MILLI, "V");
	show_value("current", b->current_ma, MILLI, "A, + charging");
	show_value("power", b->power_w, 1, "W, + charging");
	show_value("charge", b->soc_pct, 1, "%");
	show_value("grid", p->grid_power_w, 1, "W, + import");
	if (b->mode == GOODWE_MODE_DISCHARGE && b->current_ma > -IDLE_MA) {
		printf("  at rest: \"discharging\" with less than 1 A is how an idle battery shows\n");
	}
	if (goodwe_mode_name(b->mode)[0] == '?') {
		printf("  this mode is not known: the daemon makes nothing of it\n");
	}
}

static void show_device(const struct probe_goodwe *p)
{
	const struct goodwe_device *d = &p->device;

	if (p->known) {
		printf("inverter\n  %-14s %s\n  %-14s %s\n  %-14s %s %s\n", "model",
		       d->model[0] != '\0' ? d->model : "not told", "serial number", d->serial,
		       "firmware", d->firmware, d->arm);
	}
	if (p->family != GOODWE_FAMILY_AUTO) {
		printf("  %-14s %s\n", "protocol", goodwe_family_name((int32_t)p->family));
	}
	if (p->runtime_len != 0) {
		printf("  %-14s %zu bytes, after %.0f ms\n", "values", p->runtime_len,
		       (double)p->reply_ns / NS_PER_MSF);
	}
	if (p->has_settings) {
		show_value("capacity", p->settings.capacity_ah, 1, "Ah");
		show_value("discharge to", p->settings.dod_pct, 1, "% depth");
	}
}

static void show_words(const struct probe_goodwe *p, const char *host, enum probe_goodwe_verdict v)
{
	show_device(p);
	if (p->read) {
		show_battery(p);
	}
	printf("%s: %s", host, texts[v].words);
	switch (v) {
	case PROBE_GOODWE_DAMAGED:
		printf(" (%s, %u times)", goodwe_verdict_name((int32_t)p->damage), p->damaged);
		break;
	case PROBE_GOODWE_REFUSED:
		printf(" (exception %d)", p->exception);
		break;
	case PROBE_GOODWE_STRANGER:
		printf(" (%s)", p->stranger);
		break;
	case PROBE_GOODWE_UNREACHABLE:
		printf(" (%s)", strerror(p->net_error));
		break;
	case PROBE_GOODWE_SILENT:
		printf(" to %u requests", p->requests);
		break;
	case PROBE_GOODWE_GOOD:
	case PROBE_GOODWE_NO_BATTERY:
	case PROBE_GOODWE_NAME_ONLY:
	case PROBE_GOODWE_ECHO:
	case PROBE_GOODWE_OTHER:
	case PROBE_GOODWE_VERDICTS:
	default:
		break;
	}
	printf("\nnext: %s\n", texts[v].next);
}

static void json_value(const char *name, int32_t v)
{
	if (v == GOODWE_NO_VALUE) {
		printf(",\"%s\":null", name);
	} else {
		printf(",\"%s\":%d", name, v);
	}
}

static void show_json(const struct probe_goodwe *p, const char *host, enum probe_goodwe_verdict v)
{
	printf("{\"host\":");
	probe_json_text(host);
	printf(",\"verdict\":\"%s\",\"family\":\"%s\",\"model\":", texts[v].key,
	       p->family != GOODWE_FAMILY_AUTO ? goodwe_family_name((int32_t)p->family)
					       : "unknown");
	probe_json_text(p->device.model);
	printf(",\"serial\":");
	probe_json_text(p->device.serial);
	printf(",\"firmware\":");
	probe_json_text(p->device.firmware);
	if (p->read) {
		printf(",\"mode\":%d", p->battery.mode);
		json_value("voltage_mv", p->battery.voltage_mv);
		json_value("current_ma", p->battery.current_ma);
		json_value("power_w", p->battery.power_w);
		json_value("soc_pct", p->battery.soc_pct);
		json_value("grid_power_w", p->grid_power_w);
	}
	printf(",\"requests\":%u,\"heard\":%u,\"damaged\":%u}\n", p->requests, p->heard,
	       p->damaged);
}

int probe_goodwe_show(const struct probe_goodwe *p, const char *host, bool json)
{
	const enum probe_goodwe_verdict v = verdict_of(p);

	if (json) {
		show_json(p, host, v);
	} else {
		show_words(p, host, v);
	}
	return v == PROBE_GOODWE_GOOD ? PROBE_GOOD : PROBE_BROKEN;
}
