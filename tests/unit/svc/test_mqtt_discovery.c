/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The discovery message against a table of what Home Assistant accepts: keys by platform, required
 * keys, pairs of device class and unit, state classes, options. Facts, read on 27 November 2026:
 * www.home-assistant.io/integrations/mqtt/ (device discovery: "p" is required of every component,
 * "unique_id" of every entity; a component with nothing but "p" is removed), /sensor.mqtt/,
 * /binary_sensor.mqtt/, /number.mqtt/, /switch.mqtt/, /button.mqtt/; home-assistant/core
 * homeassistant/components/mqtt/{schemas,abbreviations,sensor}.py, sensor/const.py
 * (DEVICE_CLASS_UNITS, DEVICE_CLASS_STATE_CLASSES), binary_sensor/__init__.py.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/units.h"
#include "svc/mqtt_command.h"
#include "svc/mqtt_discovery.h"

#define GUIDE JKP_SOURCE_DIR "/systemd/guide/home-assistant.md"

static char text[MQTT_DISCOVERY_MAX];

static const struct mqtt_discovery usual = {
	.prefix = "jkpylon",
	.id = "jkpylon",
	.cells = 16,
	.service = {"mqtt", "solis"},
	.services = 2,
	.expire_s = 30,
	.max_ma = {60000, 50500},
	.house = true,
};

/* Keys by platform, in their short form; the first group is required. */
static const struct platform {
	const char *name;
	const char *required[6];
	const char *optional[12];
} platforms[] = {
	{"sensor",
	 {"p", "name", "uniq_id", "stat_t"},
	 {"val_tpl", "unit_of_meas", "dev_cla", "stat_cla", "ic", "ops", "exp_aft", "ent_cat"}},
	{"binary_sensor",
	 {"p", "name", "uniq_id", "stat_t"},
	 {"val_tpl", "dev_cla", "ic", "exp_aft", "ent_cat"}},
	{"number",
	 {"p", "name", "uniq_id", "cmd_t"},
	 {"stat_t", "val_tpl", "unit_of_meas", "dev_cla", "ic", "min", "max", "step", "mode"}},
	{"switch", {"p", "name", "uniq_id", "cmd_t"}, {"stat_t", "val_tpl", "ic"}},
	{"button", {"p", "name", "uniq_id", "cmd_t"}, {"ic"}},
};

/* Device classes of sensors and numbers with the units we may use of those they allow. */
static const struct {
	const char *device_class;
	const char *units[4];
	bool total; /* state class total_increasing is allowed */
} classes[] = {
	{"battery", {"%"}, false},	 {"voltage", {"V", "mV"}, false},
	{"current", {"A", "mA"}, false}, {"power", {"W", "kW"}, false},
	{"temperature", {"°C"}, false},	 {"duration", {"s", "ms", "min", "h"}, true},
};

/* Of the device and of the origin, MQTT_ENTITY_DEVICE_INFO_SCHEMA and MQTT_ORIGIN_INFO_SCHEMA. */
static const char *const device_keys[] = {"ids", "cns", "name", "mf", "mdl", "mdl_id",
					  "hw",	 "sw",	"sa",	"cu", "sn",  "via_device"};
static const char *const origin_keys[] = {"name", "sw", "url"};

static const char *const binary_classes[] = {"battery", "battery_charging", "connectivity", "power",
					     "problem", "running",	    "safety"};

static const char *string_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool listed(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count && list[i] != NULL; i++) {
		if (strcmp(list[i], word) == 0) {
			return true;
		}
	}
	return false;
}

static const struct platform *platform_of(const cJSON *component)
{
	const char *name = string_of(component, "p");

	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(platforms); i++) {
		if (strcmp(platforms[i].name, name) == 0) {
			return &platforms[i];
		}
	}
	fail_msg("%s: no known platform", component->string);
	return &platforms[0];
}

static void judge_keys(const cJSON *component, const struct platform *p)
{
	const cJSON *member = NULL;

	cJSON_ArrayForEach(member, component)
	{
		if (!listed(p->required, ARRAY_SIZE(p->required), member->string) &&
		    !listed(p->optional, ARRAY_SIZE(p->optional), member->string)) {
			fail_msg("%s: key %s is not of a %s", component->string, member->string,
				 p->name);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(p->required) && p->required[i] != NULL; i++) {
		if (string_of(component, p->required[i]) == NULL) {
			fail_msg("%s lacks %s", component->string, p->required[i]);
		}
	}
}

static void judge_numeric(const cJSON *component)
{
	const char *class = string_of(component, "dev_cla");
	const char *unit = string_of(component, "unit_of_meas");
	const char *state_class = string_of(component, "stat_cla");
	bool found = class == NULL;

	for (size_t i = 0; class != NULL && i < ARRAY_SIZE(classes); i++) {
		if (strcmp(classes[i].device_class, class) == 0) {
			found = unit != NULL && listed(classes[i].units, 4, unit) &&
				(state_class == NULL || strcmp(state_class, "measurement") == 0 ||
				 classes[i].total);
		}
	}
	if (!found) {
		fail_msg("%s: class %s, unit %s, state class %s", component->string, class,
			 unit != NULL ? unit : "none", state_class != NULL ? state_class : "none");
	}
	assert_true(state_class == NULL || strcmp(state_class, "measurement") == 0 ||
		    strcmp(state_class, "total_increasing") == 0);
}

static void judge_sensor(const cJSON *component)
{
	const char *class = string_of(component, "dev_cla");
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(component, "ops");
	const bool is_enum = class != NULL && strcmp(class, "enum") == 0;

	assert_true(is_enum == (options != NULL));
	if (!is_enum) {
		judge_numeric(component);
		return;
	}
	/* A list of words; neither unit nor state class. */
	assert_true(cJSON_IsArray(options) && cJSON_GetArraySize(options) > 1);
	const cJSON *a = NULL;

	cJSON_ArrayForEach(a, options)
	{
		assert_true(cJSON_IsString(a) && a->valuestring[0] != '\0');
		for (const cJSON *b = a->next; b != NULL; b = b->next) {
			assert_string_not_equal(a->valuestring, b->valuestring);
		}
	}
	assert_null(string_of(component, "unit_of_meas"));
	assert_null(string_of(component, "stat_cla"));
}

static void judge_number(const cJSON *component)
{
	const cJSON *min = cJSON_GetObjectItemCaseSensitive(component, "min");
	const cJSON *max = cJSON_GetObjectItemCaseSensitive(component, "max");
	const cJSON *step = cJSON_GetObjectItemCaseSensitive(component, "step");

	judge_numeric(component);
	assert_true(cJSON_IsNumber(min) && cJSON_IsNumber(max) && cJSON_IsNumber(step));
	assert_true(min->valuedouble < max->valuedouble && step->valuedouble >= 0.001);
	assert_string_equal(string_of(component, "mode"), "box");
}

/* A command entity orders what is understood. */
static void judge_order(const cJSON *component, const char *prefix)
{
	char topic[128];
	const char *name = NULL;
	bool found = false;

	for (uint32_t n = 0; (name = mqtt_order_name(n)) != NULL; n++) {
		(void)snprintf(topic, sizeof(topic), "%s/set/%s", prefix, name);
		found = found || strcmp(topic, string_of(component, "cmd_t")) == 0;
	}
	assert_true(found);
}

static void judge_component(const cJSON *component, const struct mqtt_discovery *d)
{
	const struct platform *p = platform_of(component);
	const char *class = string_of(component, "dev_cla");
	const char *category = string_of(component, "ent_cat");
	const char *icon = string_of(component, "ic");

	judge_keys(component, p);
	assert_true(category == NULL || strcmp(category, "diagnostic") == 0);
	assert_true(icon == NULL || strncmp(icon, "mdi:", 4) == 0);
	assert_true(class != NULL || icon != NULL);
	if (strcmp(p->name, "sensor") == 0) {
		judge_sensor(component);
	} else if (strcmp(p->name, "binary_sensor") == 0) {
		assert_true(class == NULL ||
			    listed(binary_classes, ARRAY_SIZE(binary_classes), class));
	} else if (strcmp(p->name, "number") == 0) {
		judge_number(component);
	}
	if (listed(p->required, ARRAY_SIZE(p->required), "cmd_t")) {
		judge_order(component, d->prefix);
	} else {
		const cJSON *expiry = cJSON_GetObjectItemCaseSensitive(component, "exp_aft");

		assert_true(cJSON_IsNumber(expiry) && expiry->valueint == d->expire_s);
	}
}

static cJSON *write_and_parse(const struct mqtt_discovery *d)
{
	const size_t len = mqtt_discovery_write(d, text, sizeof(text));
	cJSON *json = NULL;

	assert_true(len > 0U && len == strlen(text));
	json = cJSON_Parse(text);
	assert_non_null(json);
	return json;
}

/* Texts under known keys; the identifiers are a list of one. */
static void judge_origin_and_device(const cJSON *origin, const cJSON *device)
{
	const cJSON *member = NULL;

	assert_non_null(string_of(origin, "name"));
	cJSON_ArrayForEach(member, origin)
	{
		assert_true(cJSON_IsString(member));
		assert_true(listed(origin_keys, ARRAY_SIZE(origin_keys), member->string));
	}
	cJSON_ArrayForEach(member, device)
	{
		assert_true(cJSON_IsString(member) || strcmp(member->string, "ids") == 0);
		assert_true(listed(device_keys, ARRAY_SIZE(device_keys), member->string));
	}
	const cJSON *ids = cJSON_GetObjectItemCaseSensitive(device, "ids");

	assert_true(cJSON_GetArraySize(ids) == 1 && cJSON_IsString(ids->child));
}

static void judge_message(const struct mqtt_discovery *d)
{
	cJSON *json = write_and_parse(d);
	const cJSON *device = cJSON_GetObjectItemCaseSensitive(json, "dev");
	const cJSON *components = cJSON_GetObjectItemCaseSensitive(json, "cmps");
	const cJSON *component = NULL;
	const cJSON *member = NULL;
	char topic[128];

	(void)snprintf(topic, sizeof(topic), "%s/status", d->prefix);
	assert_string_equal(string_of(json, "avty_t"), topic);
	judge_origin_and_device(cJSON_GetObjectItemCaseSensitive(json, "o"), device);
	cJSON_ArrayForEach(member, json)
	{
		assert_true(strcmp(member->string, "dev") == 0 ||
			    strcmp(member->string, "o") == 0 ||
			    strcmp(member->string, "cmps") == 0 ||
			    strcmp(member->string, "avty_t") == 0);
	}
	cJSON_ArrayForEach(component, components)
	{
		const cJSON *other = NULL;

		judge_component(component, d);
		assert_int_equal(
			strspn(component->string, "abcdefghijklmnopqrstuvwxyz0123456789_-"),
			strlen(component->string));
		for (other = component->next; other != NULL; other = other->next) {
			assert_string_not_equal(component->string, other->string);
			assert_string_not_equal(string_of(component, "uniq_id"),
						string_of(other, "uniq_id"));
			assert_string_not_equal(string_of(component, "name"),
						string_of(other, "name"));
		}
	}
	cJSON_Delete(json);
}

static void test_every_component_is_one_home_assistant_accepts(void **state)
{
	struct mqtt_discovery d = usual;

	(void)state;
	judge_message(&d);
	d.commands = true;
	judge_message(&d);
	d.full_charge = true;
	judge_message(&d);
}

/* Every quantity has its entity, and every template names a member of the state. */
static void test_every_quantity_is_announced_and_its_template_leads_to_it(void **state)
{
	struct mqtt_discovery d = usual;
	struct telemetry t = {.sample = {.cells = 16}};
	static struct mqtt_values values;
	static char body[MQTT_STATE_MAX];
	uint32_t entities = 0;

	(void)state;
	d.commands = true;
	d.full_charge = true;
	cJSON *json = write_and_parse(&d);
	const cJSON *components = cJSON_GetObjectItemCaseSensitive(json, "cmps");
	const cJSON *component = NULL;

	mqtt_values_of(&t, 3000, NULL, NULL, &values);
	values.services = (struct mqtt_services){.count = 2,
						 .at = {{.name = "mqtt"}, {.name = "solis"}}};
	cJSON_ArrayForEach(component, components)
	{
		const char *topic = string_of(component, "stat_t");
		char member[64] = "";
		bool found = false;

		if (topic == NULL) {
			continue; /* a button */
		}
		entities++;
		const char *path = strstr(string_of(component, "val_tpl"), "value_json.") + 11;

		memcpy(member, path, strcspn(path, " "));
		for (uint32_t g = 0; g < MQTT_GROUPS; g++) {
			if (strcmp(strchr(topic, '/') + 1, mqtt_group_name((enum mqtt_group)g)) !=
			    0) {
				continue;
			}
			assert_true(mqtt_state_write(&values, (enum mqtt_group)g, 1, body,
						     sizeof(body)) > 0U);
			cJSON *object = cJSON_Parse(body);
			const cJSON *at = object;

			for (char *name = strtok(member, "."); name != NULL;
			     name = strtok(NULL, ".")) {
				at = cJSON_GetObjectItemCaseSensitive(at, name);
			}
			found = at != NULL;
			cJSON_Delete(object);
		}
		if (!found) {
			fail_msg("%s: %s is not in %s", component->string,
				 string_of(component, "val_tpl"), topic);
		}
	}
	/* quantities, cells, two for each service, numbers and switches */
	assert_int_equal(entities, MQTT_VALUES + 16 + 4 + 4 + 3);
	cJSON_Delete(json);
}

static void test_SAF_19_orders_only_where_they_are_allowed(void **state)
{
	struct mqtt_discovery d = usual;

	(void)state;
	(void)mqtt_discovery_write(&d, text, sizeof(text));
	assert_null(strstr(text, "cmd_t"));
	assert_null(strstr(text, "/set/"));
	d.commands = true;
	(void)mqtt_discovery_write(&d, text, sizeof(text));
	assert_non_null(strstr(text, "\"cmd_t\":\"jkpylon/set/charge_limit\""));
	assert_null(strstr(text, "set/full_charge"));
	assert_non_null(strstr(text, "\"min\":0,\"max\":60,\"step\":0.1"));
	assert_non_null(strstr(text, "\"min\":0,\"max\":50,\"step\":0.1"));
	assert_non_null(strstr(text, "\"min\":0,\"max\":100,\"step\":1.0"));
	d.full_charge = true;
	(void)mqtt_discovery_write(&d, text, sizeof(text));
	assert_non_null(strstr(text, "set/full_charge"));
	assert_null(strstr(text, "set/ack"));
}

static void test_cells_come_and_go(void **state)
{
	struct mqtt_discovery d = usual;

	(void)state;
	d.cells = 8;
	d.cells_before = 10;
	cJSON *json = write_and_parse(&d);
	const cJSON *components = cJSON_GetObjectItemCaseSensitive(json, "cmps");

	assert_non_null(cJSON_GetObjectItemCaseSensitive(components, "cells_cell_8"));
	assert_null(cJSON_GetObjectItemCaseSensitive(components, "cells_cell_11"));
	for (int i = 9; i <= 10; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "cells_cell_%d", i);
		const cJSON *gone = cJSON_GetObjectItemCaseSensitive(components, key);

		assert_int_equal(cJSON_GetArraySize(gone), 1);
		assert_string_equal(string_of(gone, "p"), "sensor");
	}
	cJSON_Delete(json);
	d.cells = 0;
	d.cells_before = 0;
	(void)mqtt_discovery_write(&d, text, sizeof(text));
	assert_null(strstr(text, "cell_1"));
}

/* Where there is neither meter nor other inverter nothing is shown of them, and what was is removed. */
static void test_house_comes_and_goes(void **state)
{
	struct mqtt_discovery d = usual;
	int rows = 0;

	(void)state;
	d.house = false;
	cJSON *json = write_and_parse(&d);
	const cJSON *components = cJSON_GetObjectItemCaseSensitive(json, "cmps");

	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);
		char key[64];

		(void)snprintf(key, sizeof(key), "%s_%s", mqtt_group_name(q->group), q->key);
		const cJSON *component = cJSON_GetObjectItemCaseSensitive(components, key);

		assert_non_null(component);
		if (q->group == MQTT_HOUSE) {
			rows++;
			assert_int_equal(cJSON_GetArraySize(component), 1);
			assert_string_equal(string_of(component, "p"),
					    q->form == MQTT_FLAG ? "binary_sensor" : "sensor");
		} else {
			assert_non_null(string_of(component, "uniq_id"));
		}
	}
	assert_int_equal(rows, 15);
	cJSON_Delete(json);
}

static void test_the_largest_message_fits(void **state)
{
	static char prefix[65];
	static char id[65];
	struct mqtt_discovery d = usual;

	(void)state;
	memset(prefix, 'p', sizeof(prefix) - 1U);
	memset(id, 'i', sizeof(id) - 1U);
	d.prefix = prefix;
	d.id = id;
	d.cells = SAMPLE_CELLS_MAX;
	d.services = MQTT_SERVICES_MAX;
	d.commands = true;
	d.full_charge = true;
	for (uint32_t i = 0; i < MQTT_SERVICES_MAX; i++) {
		static char names[MQTT_SERVICES_MAX][16];

		(void)snprintf(names[i], sizeof(names[i]), "fifteen-lett-%u", i);
		d.service[i] = names[i];
	}
	const size_t len = mqtt_discovery_write(&d, text, sizeof(text));

	assert_true(len > 0U);
	print_message("%zu of %u bytes\n", len, MQTT_DISCOVERY_MAX);
	for (size_t size = 1; size < len; size += 997U) {
		assert_int_equal(mqtt_discovery_write(&d, text, size), 0);
		assert_string_equal(text, "");
	}
}

/* The table of the guide; with --table as argument it is written anew. */
static void print_table(void)
{
	(void)printf("| topic | key | unit | what |\n| --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);

		(void)printf("| `%s` | `%s` | %s | %s |\n", mqtt_group_name(q->group), q->key,
			     q->form == MQTT_FLAG     ? "yes/no"
			     : q->form != MQTT_NUMBER ? "word"
						      : q->unit,
			     q->name);
	}
}

static void test_guide_lists_every_quantity(void **state)
{
	static char guide[1 << 20];
	FILE *f = fopen(GUIDE, "re");

	(void)state;
	assert_non_null(f);
	const size_t len = fread(guide, 1, sizeof(guide) - 1U, f);

	assert_true(len > 0U && len < sizeof(guide) - 1U);
	assert_int_equal(fclose(f), 0);
	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);
		char line[256];

		(void)snprintf(line, sizeof(line), "| `%s` | `%s` | %s | %s |\n",
			       mqtt_group_name(q->group), q->key,
			       q->form == MQTT_FLAG	? "yes/no"
			       : q->form != MQTT_NUMBER ? "word"
							: q->unit,
			       q->name);
		if (strstr(guide, line) == NULL) {
			fail_msg(GUIDE " lacks the line: %s(all of them: "
				       "svc_mqtt_discovery_test --table)",
				 line);
		}
	}
	/* And nothing else: what is published is compared with it by tests/system/test_mqtt.py. */
	uint32_t rows = 0;
	const char *at = strstr(guide, "| topic | key | unit | what |\n");

	assert_non_null(at);
	for (at = strstr(at, "\n| `"); at != NULL && at[1] == '|'; at = strchr(at + 1, '\n')) {
		rows++;
	}
	assert_int_equal(rows, MQTT_VALUES);
	for (uint32_t n = 0; mqtt_order_name(n) != NULL; n++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "| `set/%s` |", mqtt_order_name(n));
		if (strstr(guide, line) == NULL) {
			fail_msg(GUIDE " lacks the order %s", mqtt_order_name(n));
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_component_is_one_home_assistant_accepts),
		cmocka_unit_test(test_every_quantity_is_announced_and_its_template_leads_to_it),
		cmocka_unit_test(test_SAF_19_orders_only_where_they_are_allowed),
		cmocka_unit_test(test_cells_come_and_go),
		cmocka_unit_test(test_house_comes_and_goes),
		cmocka_unit_test(test_the_largest_message_fits),
		cmocka_unit_test(test_guide_lists_every_quantity),
	};

	if (argc == 2 && strcmp(argv[1], "--table") == 0) {
		print_table();
		return 0;
	}
	return cmocka_run_group_tests_name("svc/mqtt_discovery", tests, NULL, NULL);
}
