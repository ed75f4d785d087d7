/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of the worker's own settings, and the rules between them. */
#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "conf_private.h"

#define BITRATE		   500000
#define BEAT_MS		   100
#define RELOAD_MS	   2500
#define PULSE_MS	   100
#define PRECHARGE_MS	   2000
#define FEEDBACK_MS	   300
#define WATCHDOG_MS	   10000
#define STATE_PATH	   "/var/lib/jkpylon/state"
#define PRIORITY	   80
#define STATS_PATH	   "/run/jkpylon/stats"
#define NONE		   "none"
#define ACTIVE_LOW	   ":active-low"
#define PERIODS_PER_BEAT   4
#define PULSE_FEEDBACK_MS  1500
#define US_PER_MS	   1000
#define SOLIS_ADDRESS	   1
#define SOLIS_BAUD	   9600
#define SOLIS_POLL_MS	   10000
#define SOLIS_PATIENCE	   30000
#define SMA_GROUP	   "239.12.255.254"
#define SMA_PORT	   9522
#define RING_KIB	   16384
#define BEFORE_MS	   120000
#define AFTER_MS	   30000
#define SMA_MAX_POWER_W	   45000
#define GOODWE_POLL_MS	   15000
#define GOODWE_POLLS	   2
#define MQTT_PORT	   1883
#define MQTT_PORT_TLS	   8883
#define MQTT_NAME	   "jkpylon"
#define MQTT_DISCOVERY	   "homeassistant"
#define MQTT_INTERVAL_MS   5000
#define MQTT_KEEPALIVE_MS  15000
#define SEMS_POLL_USUAL_MS 60000
#define RELOAD_POLLS	   2
#define RELOAD_REPLY_MS	   500 /* a reply is waited for this long */

void conf_default(struct config *ret_config)
{
	struct config *c = ret_config;

	memset(c, 0, sizeof(*c));
	core_config_default(&c->core);
	c->bms_protocol = BMS_JK_UART;
	c->can_manage = true;
	c->can_bitrate = BITRATE;
	c->preset = PRESET_LFP;
	memcpy(c->relay, NONE, sizeof(NONE));
	c->relay_mode = RELAY_LEVEL;
	c->beat_ms = BEAT_MS;
	c->reload_ms = RELOAD_MS;
	c->pulse_ms = PULSE_MS;
	memcpy(c->precharge, NONE, sizeof(NONE));
	c->precharge_ms = PRECHARGE_MS;
	memcpy(c->feedback, NONE, sizeof(NONE));
	c->feedback_ms = FEEDBACK_MS;
	memcpy(c->watchdog, NONE, sizeof(NONE));
	c->watchdog_ms = WATCHDOG_MS;
	memcpy(c->state_path, STATE_PATH, sizeof(STATE_PATH));
	c->priority = PRIORITY;
	c->cpu = CONF_CPU_NONE;
	c->rt_required = true;
	memcpy(c->stats_path, STATS_PATH, sizeof(STATS_PATH));
	memcpy(c->ring_path, CONF_AUTO, sizeof(CONF_AUTO));
	c->ring_kib = RING_KIB;
	c->incident_before_ms = BEFORE_MS;
	c->incident_after_ms = AFTER_MS;
	memcpy(c->incidents_path, CONF_AUTO, sizeof(CONF_AUTO));
	c->solis_address = SOLIS_ADDRESS;
	c->solis_baud = SOLIS_BAUD;
	c->solis_poll_ms = SOLIS_POLL_MS;
	c->solis_patience_ms = SOLIS_PATIENCE;
	memcpy(c->sma_group, SMA_GROUP, sizeof(SMA_GROUP));
	c->sma_port = SMA_PORT;
	c->sma_max_power_w = SMA_MAX_POWER_W;
	c->goodwe_port = GOODWE_PORT;
	c->goodwe_family = GOODWE_FAMILY_AUTO;
	c->goodwe_poll_ms = GOODWE_POLL_MS;
	c->mqtt_port = MQTT_PORT;
	memcpy(c->mqtt_client_id, MQTT_NAME, sizeof(MQTT_NAME));
	memcpy(c->mqtt_prefix, MQTT_NAME, sizeof(MQTT_NAME));
	c->mqtt_discovery = true;
	memcpy(c->mqtt_discovery_prefix, MQTT_DISCOVERY, sizeof(MQTT_DISCOVERY));
	c->mqtt_interval_ms = MQTT_INTERVAL_MS;
	c->mqtt_keepalive_ms = MQTT_KEEPALIVE_MS;
	conf_default_sems(c);
}

/* What is told of either source of the other battery. */
#define WITHOUT_METER                                                                         \
	"without a meter ([sma]) nobody knows what the house needs: while arbiter.interlock " \
	"acts our battery gives or takes nothing, and arbiter.cross_charge does nothing"
#define WITHOUT_ARBITER \
	"arbiter.interlock=no and arbiter.cross_charge=no, so nothing uses what it says"

static int fault(struct config_fault *ret_fault, const char *a, const char *b, const char *text)
{
	*ret_fault = (struct config_fault){a, b, text};
	return -EINVAL;
}

/* The same line, with or without :active-low. */
static bool same_line(const char *a, const char *b)
{
	const char *suffix_a = strstr(a, ACTIVE_LOW);
	const char *suffix_b = strstr(b, ACTIVE_LOW);
	const size_t len = suffix_a != NULL ? (size_t)(suffix_a - a) : strlen(a);

	return len == (suffix_b != NULL ? (size_t)(suffix_b - b) : strlen(b)) &&
	       strncmp(a, b, len) == 0;
}

/* The Modbus library would take another rate for 9600, without a word. */
static bool usual_baud(int32_t baud)
{
	static const int32_t usual[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
	bool found = false;

	for (uint32_t i = 0; i < ARRAY_SIZE(usual); i++) {
		found = found || usual[i] == baud;
	}
	return found;
}

static int check_solis(const struct config *config, struct config_fault *ret_fault)
{
	if (!usual_baud(config->solis_baud)) {
		return fault(ret_fault, "solis.baud", NULL,
			     "solis.baud must be 1200, 2400, 4800, 9600, 19200, 38400, 57600 or "
			     "115200: Solis is delivered with 9600");
	}
	if (config->solis_device[0] != '\0' &&
	    strcmp(config->solis_device, config->bms_device) == 0) {
		return fault(ret_fault, "solis.device", "bms.device",
			     "one line cannot lead to the BMS and to the inverter: give "
			     "solis.device an adapter of its own, or none");
	}
	return 0;
}

static int check_sma(const struct config *config, struct config_fault *ret_fault)
{
	if (config->sma_enabled && config->sma_interface[0] == '\0') {
		return fault(
			ret_fault, "sma.enabled", "sma.interface",
			"sma.interface must name the network interface that leads to the meter, "
			"for example eth0");
	}
	if (config->sma_enabled && strcmp(config->sma_interface, config->can_interface) == 0) {
		return fault(
			ret_fault, "sma.interface", "can.interface",
			"a CAN bus does not lead to a meter: sma.interface must name a network "
			"interface, for example eth0");
	}
	return 0;
}

static int check_goodwe(const struct config *config, struct config_fault *ret_fault)
{
	const int32_t stale_ms = config->core.source[SOURCE_LOCAL].stale_ms;

	if (stale_ms < config->goodwe_poll_ms * GOODWE_POLLS) {
		return fault(ret_fault, "goodwe.stale", "goodwe.poll",
			     "goodwe.stale must be at least twice goodwe.poll, or one lost answer "
			     "makes its values useless: raise goodwe.stale or lower goodwe.poll");
	}
	return 0;
}

/* A source that does not exist is silent for ever. */
static int check_fallbacks(const struct config *config, struct config_fault *ret_fault)
{
	static const char text[] =
		"nobody is asked, so the fallback would apply for ever: write release, name the source, "
		"or lower limits.charge_max and limits.discharge_max";
	const bool peer = config->goodwe_host[0] != '\0';
	const struct {
		bool exists;
		enum source_id source;
		const char *key;
		const char *against;
	} row[] = {
		{config->sma_enabled, SOURCE_GRID, "sma.fallback", "sma.enabled"},
		{peer, SOURCE_LOCAL, "goodwe.fallback", "goodwe.host"},
		{config->sems_portal != SEMS_PORTAL_NONE, SOURCE_PORTAL, "sems.fallback",
		 "sems.portal"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (!row[i].exists &&
		    config->core.source[row[i].source].fallback != FALLBACK_RELEASE) {
			return fault(ret_fault, row[i].key, row[i].against, text);
		}
	}
	return 0;
}

static bool is_set(const char *text)
{
	return text[0] != '\0';
}

static int check_mqtt(const struct config *c, struct config_fault *ret_fault)
{
	const bool tls_files = is_set(c->mqtt_ca_file) || is_set(c->mqtt_cert_file) ||
			       is_set(c->mqtt_key_file);

	if (is_set(c->mqtt_password_file) && !is_set(c->mqtt_user)) {
		return fault(ret_fault, "mqtt.password_file", "mqtt.user",
			     "a password is of no use without a user: set mqtt.user");
	}
	if (tls_files && !c->mqtt_tls) {
		return fault(ret_fault, "mqtt.tls", NULL,
			     "mqtt.ca_file, mqtt.cert_file and mqtt.key_file are of no use without "
			     "TLS: set mqtt.tls=yes, or remove them");
	}
	if (is_set(c->mqtt_cert_file) != is_set(c->mqtt_key_file)) {
		return fault(ret_fault, "mqtt.cert_file", "mqtt.key_file",
			     "a certificate needs its key and a key its certificate: set both");
	}
	if (c->core.allow_full_charge && !c->mqtt_commands) {
		return fault(ret_fault, "mqtt.allow_full_charge", "mqtt.commands",
			     "without orders nobody can ask for a full charge: set "
			     "mqtt.commands=yes");
	}
	if (c->mqtt_keepalive_ms % MS_PER_S != 0) {
		return fault(ret_fault, "mqtt.keepalive", NULL,
			     "mqtt.keepalive must be whole seconds");
	}
	return 0;
}

int conf_check(const struct config *config, struct config_fault *ret_fault)
{
	const struct core_config *core = &config->core;
	const struct {
		const char *key;
		const char *path;
	} line[] = {
		{"failsafe.precharge", config->precharge},
		{"failsafe.feedback", config->feedback},
	};

	if ((int64_t)config->beat_ms * US_PER_MS < (int64_t)core->period_us * PERIODS_PER_BEAT) {
		return fault(ret_fault, "failsafe.beat", "rt.period",
			     "failsafe.beat must be at least four periods: raise failsafe.beat");
	}
	if (config->reload_ms < core->poll_ms * RELOAD_POLLS + RELOAD_REPLY_MS) {
		return fault(ret_fault, "failsafe.reload", "bms.poll",
			     "failsafe.reload must be at least two polls + 500ms, or every reload "
			     "opens the relay: raise failsafe.reload");
	}
	if (config->reload_ms >= core->trip_ms) {
		return fault(
			ret_fault, "failsafe.reload", "bms.trip",
			"failsafe.reload must be shorter than bms.trip, or a reload delays the "
			"trip of a silent BMS: lower failsafe.reload");
	}
	if (strcmp(config->feedback, NONE) != 0 && config->feedback_ms >= core->open_ms) {
		return fault(ret_fault, "failsafe.feedback_time", "failsafe.open_time",
			     "the contact must have shown open before the relay closes again: "
			     "failsafe.feedback_time must be shorter than failsafe.open_time");
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(line); i++) {
		if (strcmp(line[i].path, NONE) != 0 && strcmp(config->relay, NONE) == 0) {
			return fault(ret_fault, line[i].key, "failsafe.relay",
				     "without a relay there is nothing for this line to do: set "
				     "failsafe.relay");
		}
		if (strcmp(line[i].path, NONE) != 0 &&
		    (same_line(line[i].path, config->relay) ||
		     same_line(line[i].path, line[1U - i].path))) {
			return fault(ret_fault, line[i].key, "failsafe.relay",
				     "relay, precharge and feedback must be three different lines");
		}
	}
	int r = check_solis(config, ret_fault);

	r = r != 0 ? r : check_sma(config, ret_fault);
	r = r != 0 ? r : check_goodwe(config, ret_fault);
	r = r != 0 ? r : conf_check_sems(config, ret_fault);
	r = r != 0 ? r : check_fallbacks(config, ret_fault);
	r = r != 0 ? r : check_mqtt(config, ret_fault);
	return r != 0 ? r : core_config_check(core, ret_fault);
}

/* The broker of the same machine. */
static bool is_local(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", strlen("127.")) == 0;
}

const char *conf_advice(const struct config *config, uint32_t n)
{
	const struct arbiter_config *arbiter = &config->core.arbiter;
	const bool portal = config->sems_portal != SEMS_PORTAL_NONE;
	const bool local = config->goodwe_host[0] != '\0';
	const bool peer = local || portal;
	const bool coordinates = arbiter->interlock || arbiter->cross;
	const struct {
		bool applies;
		const char *text;
	} row[] = {
		{config->core.expect_alive == EXPECT_ALIVE_REQUIRED,
		 "can.expect_alive=required: an inverter that gets its power through the relay is "
		 "silent until the relay closes, and the relay waits for it: no black start"},
		{config->relay_mode == RELAY_PULSE && strcmp(config->feedback, NONE) != 0 &&
			 config->feedback_ms < PULSE_FEEDBACK_MS,
		 "failsafe.feedback_time: with relay_mode=pulse the contact opens up to 1 s after the "
		 "last edge: less than 1500ms will latch a fault each time the relay opens"},
		{strcmp(config->state_path, NONE) == 0 && strcmp(config->relay, NONE) != 0,
		 "failsafe.state=none: a restart forgets a latched fault, and the relay closes again"},
		{config->sma_enabled && config->sma_serial[0] == '\0',
		 "sma.serial: not set, so no value is taken; the log names the meters that are heard, "
		 "and jkpylon-probe sma does"},
		{config->sma_enabled && strcmp(config->sma_serial, CONF_SERIAL_ANY) == 0,
		 "sma.serial=any: the first meter heard is believed, whoever sends it"},
		{config->sma_enabled && !peer && config->core.damping.preset == DAMPING_OFF,
		 "sma.enabled=yes: damping.preset=off and goodwe.host=none and sems.portal=none, so "
		 "nothing uses what the meter says"},
		{config->interlock_explicit && arbiter->interlock && !peer,
		 "arbiter.interlock=yes: nobody says what the other battery does, so it never acts: set "
		 "goodwe.host or sems.portal"},
		{peer && coordinates && !config->sma_enabled,
		 local ? "goodwe.host: " WITHOUT_METER : "sems.portal: " WITHOUT_METER},
		{peer && !coordinates,
		 local ? "goodwe.host: " WITHOUT_ARBITER : "sems.portal: " WITHOUT_ARBITER},
		{is_set(config->mqtt_host) && is_set(config->mqtt_password_file) &&
			 !config->mqtt_tls && !is_local(config->mqtt_host),
		 "mqtt.password_file: without mqtt.tls=yes the password crosses the network in clear"},
		{is_set(config->mqtt_host) && !config->mqtt_tls &&
			 config->mqtt_port == MQTT_PORT_TLS,
		 "mqtt.port: 8883 is the usual port for TLS, but mqtt.tls=no"},
		{is_set(config->mqtt_host) && config->mqtt_commands && !is_set(config->mqtt_user) &&
			 !is_set(config->mqtt_cert_file),
		 "mqtt.commands=yes without mqtt.user: whoever reaches the broker can lower the limits"},
		{portal && config->sems_poll_ms < SEMS_POLL_USUAL_MS,
		 "sems.poll: the portal has new values once a minute at most, and refuses who asks too "
		 "often: 60s or more"},
		{config->sems_portal == SEMS_PORTAL_LEGACY,
		 "sems.portal=legacy: since September 2026 that portal answers most accounts without "
		 "values; semsplus is the present one"},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].applies && n-- == 0) {
			return row[i].text;
		}
	}
	return NULL;
}

const char *conf_needs_restart(const struct config *now, const struct config *wanted)
{
	const struct {
		const char *key;
		bool differs;
	} row[] = {
		{"failsafe.relay", strcmp(now->relay, wanted->relay) != 0},
		{"failsafe.precharge", strcmp(now->precharge, wanted->precharge) != 0},
		{"failsafe.feedback", strcmp(now->feedback, wanted->feedback) != 0},
		{"failsafe.watchdog", strcmp(now->watchdog, wanted->watchdog) != 0},
		{"failsafe.watchdog_time", now->watchdog_ms != wanted->watchdog_ms},
		{"failsafe.state", strcmp(now->state_path, wanted->state_path) != 0},
		{"rt.priority", now->priority != wanted->priority},
		{"rt.required", now->rt_required != wanted->rt_required},
		{"rt.stats", strcmp(now->stats_path, wanted->stats_path) != 0},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].differs) {
			return row[i].key;
		}
	}
	return NULL;
}
