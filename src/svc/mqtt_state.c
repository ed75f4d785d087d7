/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a topic. */
#include <stdio.h>

#include "json_write.h"
#include "svc/mqtt_value.h"

#define MILLI	 3U /* decimals of a milli unit */
#define CELL_KEY 16U

static void write_value(struct json_writer *w, const struct mqtt_quantity *q, int64_t value)
{
	const char *word = mqtt_word(q->form, value);
	const bool is_word = q->form != MQTT_NUMBER && q->form != MQTT_FLAG;

	if (value == MQTT_UNKNOWN || (is_word && word == NULL)) {
		json_null(w, q->key);
	} else if (is_word) {
		json_text(w, q->key, word);
	} else if (q->form == MQTT_FLAG) {
		json_flag(w, q->key, value != 0);
	} else {
		json_fixed(w, q->key, value, q->decimals);
	}
}

static void write_cells(struct json_writer *w, const struct mqtt_values *v)
{
	for (uint32_t i = 0; i < v->cells; i++) {
		char key[CELL_KEY];

		(void)snprintf(key, sizeof(key), "cell_%u", i + 1U);
		if (v->cell_mv[i] == MQTT_UNKNOWN) {
			json_null(w, key);
		} else {
			json_fixed(w, key, v->cell_mv[i], MILLI);
		}
	}
}

static void write_services(struct json_writer *w, const struct mqtt_services *s)
{
	json_text(w, "version", JKP_VERSION);
	json_open(w, "services", '{');
	for (uint32_t i = 0; i < s->count && i < MQTT_SERVICES_MAX; i++) {
		const struct service_health *h = &s->at[i].health;

		json_open(w, s->at[i].name, '{');
		json_text(w, "state", service_state_name((int32_t)h->state));
		json_flag(w, "hangs", s->at[i].silent);
		json_fixed(w, "opens", h->opens, 0);
		json_fixed(w, "failures", h->failures, 0);
		json_fixed(w, "lost", h->lost, 0);
		json_close(w, '}');
	}
	json_close(w, '}');
}

size_t mqtt_state_write(const struct mqtt_values *v, enum mqtt_group group, int64_t wall_s,
			char *buf, size_t size)
{
	struct json_writer w;

	json_begin(&w, buf, size);
	if (wall_s >= 0) {
		json_fixed(&w, "time", wall_s, 0);
	} else {
		json_null(&w, "time");
	}
	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);

		if (q->group == group) {
			write_value(&w, q, v->value[i]);
		}
	}
	if (group == MQTT_CELLS) {
		write_cells(&w, v);
	} else if (group == MQTT_SERVICE) {
		write_services(&w, &v->services);
	}
	return json_end(&w);
}
