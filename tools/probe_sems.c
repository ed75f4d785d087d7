/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leg to the portal of GoodWe: log in as the daemon would, by its own code and with its own settings,
 * read once, say what is wrong and what to try next. One login: it ends the session of a daemon that uses
 * the same account, which then logs in again.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "sems_client.h"
#include "sems_fresh.h"
#include "sems_settings.h"

#define NEXT_CODES "compare with the codes in [sems]; the portal has changed its interface before"

static const char *const stages[SEMS_STAGES] = {
	[SEMS_AT_LIBRARY] = "libcurl", [SEMS_AT_LOGIN_FILE] = "login file",
	[SEMS_AT_LOGIN] = "login",     [SEMS_AT_STATIONS] = "list of plants",
	[SEMS_AT_VALUES] = "values",
};

static const struct {
	const char *words;
	const char *next;
} texts[SEMS_VERDICTS] = {
	[SEMS_OK] = {"the portal says what the battery does",
		     "set sems.portal, and restart the daemon"},
	[SEMS_NO_VALUE] =
		{"the portal answers, but without values of a battery",
		 "is there a battery at this inverter, and is the inverter on? Try the other "
		 "sems.portal; the legacy one answers so since September 2026. Local reading "
		 "(goodwe.host) needs no portal"},
	[SEMS_NOT_JSON] = {"the answer is cut off or no JSON",
			   "maintenance, or something in between: try again in some minutes"},
	[SEMS_TOO_MUCH] = {"the answer is larger than any good one",
			   "check the paths in [sems]: is it a page for people?"},
	[SEMS_NO_CODE] = {"JSON, but none of the portal", "check the addresses in [sems]"},
	[SEMS_REFUSED] = {"the portal refuses the request", NEXT_CODES},
	[SEMS_EXPIRED] =
		{"the session ends as soon as it begins",
		 "does something else use the same account? Give the daemon one of its own"},
	[SEMS_PASSWORD] =
		{"the portal refuses account or password",
		 "log in with the same ones in a browser; GoodWe made many change weak "
		 "passwords. Correct the login file. Do not try often: it locks the account"},
	[SEMS_BUSY] = {"the portal says that it is asked too often",
		       "wait five minutes; raise sems.poll if the daemon meets it too"},
	[SEMS_FORBIDDEN] = {"this account may not see the plant",
			    "let its owner share the plant with it; check sems.station"},
	[SEMS_IMPLAUSIBLE] = {"the values cannot be", "the daemon leaves them aside, too: does the "
						      "portal's own page show the same?"},
	[SEMS_CONTRADICTION] = {"sign and direction of the battery's power contradict each other",
				"the daemon leaves them aside, too: try again in some minutes"},
	[SEMS_NO_LIBRARY] = {"libcurl cannot be loaded",
			     "install the package libcurl4 (Debian 13: libcurl4t64)"},
	[SEMS_NO_LOGIN] = {"the login file cannot be used",
			   "two lines, account and password, mode 0600, readable for this user; a "
			   "credential exists only in the service: name a file for this try"},
	[SEMS_NO_NAME] = {"the name service does not know the host",
			  "check the network of this machine and the addresses in [sems]"},
	[SEMS_NAME_SLOW] = {"the name service does not answer",
			    "check /etc/resolv.conf and the router"},
	[SEMS_UNREACHABLE] = {"the portal cannot be reached",
			      "has this machine a way into the internet (ping, firewall)?"},
	[SEMS_NOT_ALLOWED] = {"this process may not use the network",
			      "in the service: the drop-in internet.conf, see jkpylond(8)"},
	[SEMS_CERTIFICATE] =
		{"who answers is not proven to be the portal: nothing was said to it",
		 "check the clock (timedatectl), the package ca-certificates, and "
		 "sems.ca_file; a router or virus scanner that opens https looks like this"},
	[SEMS_TLS] = {"no encrypted connection",
		      "check the addresses in [sems]: is it https there?"},
	[SEMS_SLOW] = {"no complete answer in time", "try again; is the line very slow?"},
	[SEMS_FOREIGN] = {"the portal leads to a host that is not in sems.hosts: not followed",
			  "if it is GoodWe's, add it to sems.hosts"},
	[SEMS_STATUS] = {"HTTP says no",
			 "try again in some minutes; then check the paths in [sems]"},
	[SEMS_NO_ROUTE] =
		{"there is no such path (HTTP 404)",
		 "the interface has moved: check the paths in [sems], or a newer jkpylon"},
	[SEMS_NO_STATION] = {"the account has no plant",
			     "let the owner of the plant share it with this account"},
	[SEMS_STATIONS] = {"the account has several plants",
			   "write one of these into sems.station"},
};

static int wait_here(void *context, int fd, short events, int32_t ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	(void)context;
	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

static void show_value(const char *name, int32_t v, const char *unit)
{
	if (v == SOURCE_NO_VALUE) {
		printf("  %-10s no value\n", name);
	} else {
		printf("  %-10s %d %s\n", name, v, unit);
	}
}

static const char *mode_name(uint32_t mode)
{
	static const char *const name[PEER_MODES] = {
		[PEER_UNKNOWN] = "unknown",   [PEER_NO_BATTERY] = "no battery",
		[PEER_IDLE] = "at rest",      [PEER_DISCHARGING] = "discharging",
		[PEER_CHARGING] = "charging",
	};

	return mode < PEER_MODES ? name[mode] : "?";
}

static void show_values(const struct sems_values *v)
{
	static const char *const stamp[] = {
		[SEMS_STAMP_MARK] = "no time that can be compared: only changes count",
		[SEMS_STAMP_LOCAL] =
			"a time without a zone: values count from the second reading on",
		[SEMS_STAMP_EPOCH] = "a time of its own",
	};

	printf("battery    (%s)\n  %-10s %s\n", sems_shape_name((int32_t)v->shape), "mode",
	       mode_name(v->mode));
	show_value("power", v->power_w, "W, + charging");
	show_value("current", v->current_ma, "mA, + charging");
	show_value("voltage", v->voltage_mv, "mV");
	show_value("charge", v->soc_pct, "%");
	show_value("grid", v->grid_power_w, "W, + import");
	printf("  %-10s %s\n", "stamp", stamp[v->stamp_kind]);
}

static void json_value(const char *name, int32_t v)
{
	if (v == SOURCE_NO_VALUE) {
		printf(",\"%s\":null", name);
	} else {
		printf(",\"%s\":%d", name, v);
	}
}

static void show_json(const struct sems_client *c, const struct sems_values *v,
		      enum sems_verdict verdict)
{
	printf("{\"verdict\":\"%s\",\"stage\":\"%s\",\"host\":",
	       sems_verdict_name((int32_t)verdict), stages[c->stage]);
	probe_json_text(c->host);
	printf(",\"code\":\"%s\",\"status\":%d,\"error\":%d,\"requests\":%u,\"logins\":%u", c->code,
	       c->status, c->error, c->count.requests, c->count.logins);
	if (verdict == SEMS_OK) {
		printf(",\"shape\":\"%s\",\"mode\":\"%s\"", sems_shape_name((int32_t)v->shape),
		       mode_name(v->mode));
		json_value("power_w", v->power_w);
		json_value("current_ma", v->current_ma);
		json_value("voltage_mv", v->voltage_mv);
		json_value("soc_pct", v->soc_pct);
		json_value("grid_power_w", v->grid_power_w);
	}
	printf(",\"next\":");
	probe_json_text(texts[verdict].next);
	printf("}\n");
}

static void show_words(const struct sems_client *c, const struct sems_values *v,
		       enum sems_verdict verdict)
{
	if (verdict == SEMS_OK) {
		show_values(v);
	}
	for (uint32_t i = 0;
	     verdict == SEMS_STATIONS && i < c->stations.count && i < SEMS_STATIONS_MAX; i++) {
		printf("  plant %s\n", c->stations.id[i]);
	}
	if (c->host[0] != '\0') {
		printf("%s, %s: %s", c->host, stages[c->stage], texts[verdict].words);
	} else {
		printf("%s: %s", stages[c->stage], texts[verdict].words);
	}
	if (verdict == SEMS_NO_LIBRARY) {
		printf(" (%s)", c->why);
	} else if (c->code[0] != '\0' && verdict != SEMS_OK) {
		printf(" (code %s)", c->code);
	} else if (verdict == SEMS_STATUS) {
		printf(" (%d)", c->status);
	} else if ((verdict == SEMS_UNREACHABLE || verdict == SEMS_NO_LOGIN) && c->error != 0) {
		printf(" (%s)", strerror(c->error));
	}
	printf("\nnext: %s\n", texts[verdict].next);
}

int probe_sems(const char *file, const struct probe_options *o)
{
	static struct config config;
	static struct sems_client client;
	static char login_path[CONF_PATH_MAX];
	struct conf_error error = {0};
	struct sems_config settings;
	struct sems_values values = {0};

	if (conf_read(file, &config, &error) != 0) {
		probe_config_error(file, &error);
		return PROBE_USAGE;
	}
	if (config.sems_login_file[0] == '\0') {
		fprintf(stderr, "jkpylon-probe: %s names no login: set sems.login_file\n", file);
		return PROBE_USAGE;
	}
	/* The other side may be gone while something is written to it. */
	(void)signal(SIGPIPE, SIG_IGN);
	sems_settings(&config, login_path, &settings);
	client.config = &settings;
	client.wait = (struct sems_wait){wait_here, NULL, -1};
	if (!o->json && !sems_clock_is_set(config.sems_clock_wait_ms)) {
		printf("note: the clock of this machine does not seem to be set: the daemon waits for "
		       "that\n");
	}
	enum sems_verdict v = sems_client_read(&client, &values);

	if (v == SEMS_OK && values.mode == PEER_UNKNOWN) {
		v = SEMS_NO_VALUE;
	}
	sems_client_close(&client);
	if (o->json) {
		show_json(&client, &values, v);
	} else {
		show_words(&client, &values, v);
	}
	return v == SEMS_OK ? PROBE_GOOD : PROBE_BROKEN;
}
