/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/mqtt_discovery.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "json_write.h"

#define KEY_MAX	 64U
#define NAME_MAX 16U

#define STEP_AMPERE  1 /* 0.1 */
#define STEP_PERCENT 10
#define MA_PER_A     1000
#define WORDS_MAX    64
#define PERCENT	     100
#define AS_ON_OFF_   " == true else 'OFF' if value_json."
#define AS_NONE_     " == false else 'None' }}"

static const char *const platform_sensor = "sensor";

static void write_id(struct json_writer *w, const struct mqtt_discovery *d, const char *key)
{
	const char *const unique[] = {d->id, "_", key, NULL};

	json_joined(w, "uniq_id", unique);
}

static void write_topic(struct json_writer *w, const char *key, const struct mqtt_discovery *d,
			const char *a, const char *b)
{
	const char *const topic[] = {d->prefix, "/", a, b, NULL};

	json_joined(w, key, topic);
}

/* null becomes None, which Home Assistant shows as unknown. */
static void write_number_template(struct json_writer *w, const char *path)
{
	const char *const text[] = {"{{ value_json.", path, " }}", NULL};

	json_joined(w, "val_tpl", text);
}

static void write_flag_template(struct json_writer *w, const char *path)
{
	const char *const text[] = {
		"{{ 'ON' if value_json.", path, AS_ON_OFF_, path, AS_NONE_, NULL};

	json_joined(w, "val_tpl", text);
}

/* Several values may have the same word. */
static bool is_first(enum mqtt_form form, int32_t value, const char *word)
{
	int32_t i = 0;

	while (i < value && strcmp(mqtt_word(form, i), word) != 0) {
		i++;
	}
	return i == value;
}

static void write_options(struct json_writer *w, enum mqtt_form form)
{
	const char *word = NULL;

	json_open(w, "ops", '[');
	for (int32_t i = 0; i < WORDS_MAX && (word = mqtt_word(form, i)) != NULL; i++) {
		if (is_first(form, i, word)) {
			json_text(w, NULL, word);
		}
	}
	json_close(w, ']');
}

static void write_optional(struct json_writer *w, const char *key, const char *text)
{
	if (text[0] != '\0') {
		json_text(w, key, text);
	}
}

bool mqtt_is_diagnostic(const struct mqtt_quantity *q)
{
	return q->group == MQTT_BMS || q->group == MQTT_CAN || q->group == MQTT_REALTIME ||
	       q->group == MQTT_ORDERS || q->group == MQTT_SERVICE;
}

/* Opens the component and writes what all of those with a state have. */
static void begin(struct json_writer *w, const struct mqtt_discovery *d, const char *platform,
		  const char *key, const char *name)
{
	json_open(w, key, '{');
	json_text(w, "p", platform);
	json_text(w, "name", name);
	write_id(w, d, key);
}

static void write_state(struct json_writer *w, const struct mqtt_discovery *d,
			enum mqtt_group group)
{
	write_topic(w, "stat_t", d, mqtt_group_name(group), "");
}

static void write_expiry(struct json_writer *w, const struct mqtt_discovery *d, bool diagnostic)
{
	json_fixed(w, "exp_aft", d->expire_s, 0);
	if (diagnostic) {
		json_text(w, "ent_cat", "diagnostic");
	}
}

static const char *platform_of(const struct mqtt_quantity *q)
{
	return q->form == MQTT_FLAG ? "binary_sensor" : platform_sensor;
}

static const char *key_of(const struct mqtt_quantity *q, char key[KEY_MAX])
{
	(void)snprintf(key, KEY_MAX, "%s_%s", mqtt_group_name(q->group), q->key);
	return key;
}

/* A component with nothing but its platform is removed. */
static void take_back(struct json_writer *w, const char *key, const char *platform)
{
	json_open(w, key, '{');
	json_text(w, "p", platform);
	json_close(w, '}');
}

static void write_quantity(struct json_writer *w, const struct mqtt_discovery *d,
			   const struct mqtt_quantity *q)
{
	char key[KEY_MAX];
	const bool flag = q->form == MQTT_FLAG;

	begin(w, d, platform_of(q), key_of(q, key), q->name);
	write_state(w, d, q->group);
	if (flag) {
		write_flag_template(w, q->key);
	} else {
		write_number_template(w, q->key);
	}
	write_optional(w, "unit_of_meas", q->unit);
	write_optional(w, "dev_cla", q->device_class);
	write_optional(w, "stat_cla", q->state_class);
	write_optional(w, "ic", q->icon);
	if (strcmp(q->device_class, "enum") == 0) {
		write_options(w, q->form);
	}
	write_expiry(w, d, mqtt_is_diagnostic(q));
	json_close(w, '}');
}

static void write_cell(struct json_writer *w, const struct mqtt_discovery *d, uint32_t number)
{
	char key[KEY_MAX];
	char name[NAME_MAX];

	(void)snprintf(name, sizeof(name), "cell_%u", number);
	(void)snprintf(key, sizeof(key), "%s_%s", mqtt_group_name(MQTT_CELLS), name);
	if (number > d->cells) {
		take_back(w, key, platform_sensor);
		return;
	}
	(void)snprintf(name, sizeof(name), "Cell %u", number);
	begin(w, d, platform_sensor, key, name);
	(void)snprintf(name, sizeof(name), "cell_%u", number);
	write_state(w, d, MQTT_CELLS);
	write_number_template(w, name);
	json_text(w, "unit_of_meas", "V");
	json_text(w, "dev_cla", "voltage");
	json_text(w, "stat_cla", "measurement");
	write_expiry(w, d, false);
	json_close(w, '}');
}

static void write_service(struct json_writer *w, const struct mqtt_discovery *d, const char *name)
{
	char key[KEY_MAX];
	char title[KEY_MAX];
	char path[KEY_MAX];

	(void)snprintf(key, sizeof(key), "service_%s_state", name);
	(void)snprintf(title, sizeof(title), "Service %s", name);
	(void)snprintf(path, sizeof(path), "services.%s.state", name);
	begin(w, d, platform_sensor, key, title);
	write_state(w, d, MQTT_SERVICE);
	write_number_template(w, path);
	json_text(w, "dev_cla", "enum");
	json_open(w, "ops", '[');
	for (int32_t i = 0; i < SERVICE_STATES; i++) {
		json_text(w, NULL, service_state_name(i));
	}
	json_close(w, ']');
	write_expiry(w, d, true);
	json_close(w, '}');

	(void)snprintf(key, sizeof(key), "service_%s_hangs", name);
	(void)snprintf(title, sizeof(title), "Service %s hangs", name);
	(void)snprintf(path, sizeof(path), "services.%s.hangs", name);
	begin(w, d, "binary_sensor", key, title);
	write_state(w, d, MQTT_SERVICE);
	write_flag_template(w, path);
	json_text(w, "dev_cla", "problem");
	write_expiry(w, d, true);
	json_close(w, '}');
}

/**
 * struct control - an entity that gives an order
 * @max: upper end in the unit, 0 = no number
 */
struct control {
	const char *order;
	const char *platform;
	const char *name;
	const char *unit;
	const char *device_class;
	const char *icon;
	int32_t max;
};

static void write_control(struct json_writer *w, const struct mqtt_discovery *d,
			  const struct control *c)
{
	char key[KEY_MAX];

	(void)snprintf(key, sizeof(key), "set_%s", c->order);
	begin(w, d, c->platform, key, c->name);
	write_topic(w, "cmd_t", d, "set/", c->order);
	write_optional(w, "ic", c->icon);
	if (c->max > 0) {
		write_state(w, d, MQTT_ORDERS);
		write_number_template(w, c->order);
		json_text(w, "unit_of_meas", c->unit);
		json_text(w, "dev_cla", c->device_class);
		json_fixed(w, "min", 0, 0);
		json_fixed(w, "max", c->max, 0);
		json_fixed(w, "step", strcmp(c->unit, "A") == 0 ? STEP_AMPERE : STEP_PERCENT, 1);
		json_text(w, "mode", "box");
	} else if (strcmp(c->platform, "switch") == 0) {
		write_state(w, d, MQTT_ORDERS);
		write_flag_template(w, c->order);
	}
	json_close(w, '}');
}

static void write_controls(struct json_writer *w, const struct mqtt_discovery *d)
{
	const struct control rows[] = {
		{"charge_limit", "number", "Order charge limit", "A", "current", "",
		 max_i32(d->max_ma[DIR_CHARGE] / MA_PER_A, 1)},
		{"discharge_limit", "number", "Order discharge limit", "A", "current", "",
		 max_i32(d->max_ma[DIR_DISCHARGE] / MA_PER_A, 1)},
		{"soc_max", "number", "Order highest state of charge", "%", "battery", "", PERCENT},
		{"soc_min", "number", "Order lowest state of charge", "%", "battery", "", PERCENT},
		{"pause_charge", "switch", "Pause charging", "", "", "mdi:pause", 0},
		{"pause_discharge", "switch", "Pause discharging", "", "", "mdi:pause", 0},
		{"release", "button", "Release all orders", "", "", "mdi:lock-open-variant", 0},
		{"full_charge", "switch", "Ask for a full charge", "", "",
		 "mdi:battery-charging-100", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (d->full_charge || strcmp(rows[i].order, "full_charge") != 0) {
			write_control(w, d, &rows[i]);
		}
	}
}

static void write_device(struct json_writer *w, const struct mqtt_discovery *d)
{
	json_open(w, "dev", '{');
	json_open(w, "ids", '[');
	json_text(w, NULL, d->id);
	json_close(w, ']');
	json_text(w, "name", d->id);
	json_text(w, "mf", "jkpylon");
	json_text(w, "mdl", "Battery with JK BMS");
	json_text(w, "sw", JKP_VERSION);
	json_close(w, '}');
	json_open(w, "o", '{');
	json_text(w, "name", "jkpylon");
	json_text(w, "sw", JKP_VERSION);
	json_close(w, '}');
	write_topic(w, "avty_t", d, "status", "");
}

size_t mqtt_discovery_write(const struct mqtt_discovery *d, char *buf, size_t size)
{
	struct json_writer w;
	const uint32_t most = d->cells > d->cells_before ? d->cells : d->cells_before;

	json_begin(&w, buf, size);
	write_device(&w, d);
	json_open(&w, "cmps", '{');
	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);

		if (d->house || q->group != MQTT_HOUSE) {
			write_quantity(&w, d, q);
		} else {
			char key[KEY_MAX];

			take_back(&w, key_of(q, key), platform_of(q));
		}
	}
	for (uint32_t i = 1; i <= most && i <= SAMPLE_CELLS_MAX; i++) {
		write_cell(&w, d, i);
	}
	for (uint32_t i = 0; i < d->services && i < MQTT_SERVICES_MAX; i++) {
		write_service(&w, d, d->service[i]);
	}
	if (d->commands) {
		write_controls(&w, d);
	}
	json_close(&w, '}');
	return json_end(&w);
}
