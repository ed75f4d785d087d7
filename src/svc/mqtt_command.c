/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/mqtt_command.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "json_write.h"
#include "mqtt_token.h"

#define MILLI	  1000
#define PRINT_MIN 0x20
#define PRINT_MAX 0x7E

enum form {
	FORM_AMPERE,
	FORM_PERCENT,
	FORM_SWITCH,
	FORM_RELEASE,
};

static const struct row {
	const char *name;
	enum command_kind kind;
	enum form form;
} rows[] = {
	{"charge_limit", COMMAND_LIMIT_CHARGE, FORM_AMPERE},
	{"discharge_limit", COMMAND_LIMIT_DISCHARGE, FORM_AMPERE},
	{"soc_max", COMMAND_SOC_MAX, FORM_PERCENT},
	{"soc_min", COMMAND_SOC_MIN, FORM_PERCENT},
	{"pause_charge", COMMAND_PAUSE_CHARGE, FORM_SWITCH},
	{"pause_discharge", COMMAND_PAUSE_DISCHARGE, FORM_SWITCH},
	{"full_charge", COMMAND_FULL_CHARGE, FORM_SWITCH},
	{"release", COMMAND_RELEASE, FORM_RELEASE},
};

const char *mqtt_order_name(uint32_t n)
{
	return n < ARRAY_SIZE(rows) ? rows[n].name : NULL;
}

const char *mqtt_order_of(uint32_t kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].kind == (enum command_kind)kind) {
			return rows[i].name;
		}
	}
	return NULL;
}

const char *mqtt_refusal_text(int32_t refusal)
{
	switch (refusal) {
	case MQTT_UNDERSTOOD:
		return "understood";
	case MQTT_BAD_NAME:
		return "no order has this name";
	case MQTT_BAD_SIZE:
		return "empty, or longer than 256 bytes";
	case MQTT_BAD_BYTES:
		return "only printable ASCII is understood";
	case MQTT_BAD_FORM:
		return "neither a value nor a JSON object of one level";
	case MQTT_BAD_KEY:
		return "a key is unknown, given twice, or value is missing; known: value, ttl, id";
	case MQTT_BAD_VALUE:
		return "this order takes amperes with at most 3 decimals, whole per cent, ON or "
		       "OFF, see the manual";
	case MQTT_BAD_RANGE:
		return "value out of range: 0 to 400 A, 0 to 100 %";
	case MQTT_BAD_TTL:
		return "ttl must be whole seconds, 1 to 60";
	case MQTT_BAD_ID:
		return "id must be 1 to 36 of A-Z a-z 0-9 . _ : -";
	case MQTT_BUSY:
		return "too many orders at once, try again";
	default:
		return "?";
	}
}

static bool means_off(const struct mqtt_token *v)
{
	return v->kind != TOKEN_NUMBER &&
	       (mqtt_text_is(&v->text, "OFF") ||
		(v->kind == TOKEN_WORD &&
		 (mqtt_text_is(&v->text, "false") || mqtt_text_is(&v->text, "null"))));
}

static bool means_on(const struct mqtt_token *v)
{
	return v->kind != TOKEN_NUMBER &&
	       (mqtt_text_is(&v->text, "ON") ||
		(v->kind == TOKEN_WORD && mqtt_text_is(&v->text, "true")));
}

static enum mqtt_refusal take_number(const struct row *row, const struct mqtt_token *v,
				     struct command *c)
{
	const bool percent = row->form == FORM_PERCENT;
	const int64_t max = (int64_t)(percent ? COMMAND_SOC_MAX_PCT : MQTT_AMPERE_MAX) * MILLI;
	int64_t milli = 0;

	if (v->kind == TOKEN_STRING || !mqtt_parse_milli(v->text, &milli) ||
	    (percent && milli % MILLI != 0)) {
		return MQTT_BAD_VALUE;
	}
	if (milli < 0 || milli > max) {
		return MQTT_BAD_RANGE;
	}
	c->value = (int32_t)(percent ? milli / MILLI : milli);
	return MQTT_UNDERSTOOD;
}

/* PRESS is what a button of Home Assistant says. */
static enum mqtt_refusal take_release(const struct mqtt_token *v, struct command *c)
{
	if (means_on(v) || (v->kind != TOKEN_NUMBER &&
			    (mqtt_text_is(&v->text, "PRESS") || mqtt_text_is(&v->text, "all")))) {
		c->value = COMMAND_NONE;
		return MQTT_UNDERSTOOD;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].form != FORM_RELEASE && v->kind != TOKEN_NUMBER &&
		    mqtt_text_is(&v->text, rows[i].name)) {
			c->value = (int32_t)rows[i].kind;
			return MQTT_UNDERSTOOD;
		}
	}
	return MQTT_BAD_VALUE;
}

static enum mqtt_refusal take_value(const struct row *row, const struct mqtt_token *v,
				    struct command *c)
{
	c->kind = (uint32_t)row->kind;
	c->value = 0;
	if (row->form == FORM_RELEASE) {
		return take_release(v, c);
	}
	if (means_off(v)) {
		c->kind = COMMAND_RELEASE;
		c->value = (int32_t)row->kind;
		return MQTT_UNDERSTOOD;
	}
	if (row->form == FORM_SWITCH) {
		return means_on(v) ? MQTT_UNDERSTOOD : MQTT_BAD_VALUE;
	}
	return take_number(row, v, c);
}

static enum mqtt_refusal take_ttl(const struct mqtt_token *v, struct command *c)
{
	int64_t milli = 0;

	if (v->kind != TOKEN_NUMBER || !mqtt_parse_milli(v->text, &milli) || milli % MILLI != 0 ||
	    milli < MILLI || milli > COMMAND_TTL_MAX_MS) {
		return MQTT_BAD_TTL;
	}
	c->ttl_ms = (int32_t)milli;
	return MQTT_UNDERSTOOD;
}

static enum mqtt_refusal take_id(const struct mqtt_token *v, struct mqtt_order *order)
{
	if (v->kind != TOKEN_STRING || v->text.len == 0U || v->text.len >= MQTT_ID_MAX) {
		return MQTT_BAD_ID;
	}
	for (size_t i = 0; i < v->text.len; i++) {
		if (!mqtt_is_id(v->text.at[i])) {
			return MQTT_BAD_ID;
		}
	}
	memcpy(order->id, v->text.at, v->text.len);
	order->id[v->text.len] = '\0';
	return MQTT_UNDERSTOOD;
}

/**
 * struct members - of the object; TOKEN_NONE = not given
 */
struct members {
	struct mqtt_token value;
	struct mqtt_token ttl;
	struct mqtt_token id;
};

static enum mqtt_refusal take_member(struct mqtt_text *t, struct members *m)
{
	struct mqtt_token key = {TOKEN_NONE, {NULL, 0}};
	struct mqtt_token value = {TOKEN_NONE, {NULL, 0}};

	if (!mqtt_take_token(t, &key) || key.kind != TOKEN_STRING || !mqtt_take_char(t, ':') ||
	    !mqtt_take_token(t, &value)) {
		return MQTT_BAD_FORM;
	}
	struct mqtt_token *place = mqtt_text_is(&key.text, "value") ? &m->value
				   : mqtt_text_is(&key.text, "ttl") ? &m->ttl
				   : mqtt_text_is(&key.text, "id")  ? &m->id
								    : NULL;

	if (place == NULL || place->kind != TOKEN_NONE) {
		return MQTT_BAD_KEY;
	}
	*place = value;
	return MQTT_UNDERSTOOD;
}

/* An object of one level, nothing behind it. */
static enum mqtt_refusal take_object(struct mqtt_text *t, struct members *m)
{
	do {
		const enum mqtt_refusal r = take_member(t, m);

		if (r != MQTT_UNDERSTOOD) {
			return r;
		}
	} while (mqtt_take_char(t, ','));
	return mqtt_take_char(t, '}') && t->len == 0U ? MQTT_UNDERSTOOD : MQTT_BAD_FORM;
}

static enum mqtt_refusal take_payload(struct mqtt_text t, struct members *m)
{
	if (mqtt_take_char(&t, '{')) {
		return take_object(&t, m);
	}
	if (!mqtt_take_token(&t, &m->value)) {
		return MQTT_BAD_FORM;
	}
	mqtt_skip_blanks(&t);
	return t.len == 0U ? MQTT_UNDERSTOOD : MQTT_BAD_FORM;
}

static bool bytes_ok(const struct mqtt_text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		const unsigned char c = (unsigned char)t->at[i];

		if ((c < PRINT_MIN || c > PRINT_MAX) &&
		    (c == '\0' || strchr(MQTT_BLANKS, c) == NULL)) {
			return false;
		}
	}
	return true;
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

enum mqtt_refusal mqtt_command_parse(const char *name, const void *payload, size_t len,
				     struct mqtt_order *ret_order)
{
	const struct mqtt_text t = {payload, len};
	const struct row *row = find_row(name);
	struct members m = {.value = {TOKEN_NONE, {NULL, 0}}};

	*ret_order = (struct mqtt_order){.name = row != NULL ? row->name : "?",
					 .command = {.ttl_ms = COMMAND_TTL_MAX_MS}};
	if (row == NULL) {
		return MQTT_BAD_NAME;
	}
	if (len == 0U || len > MQTT_PAYLOAD_MAX) {
		return MQTT_BAD_SIZE;
	}
	if (!bytes_ok(&t)) {
		return MQTT_BAD_BYTES;
	}
	enum mqtt_refusal r = take_payload(t, &m);

	/* First the name of the sender: a refusal for another reason carries it too. */
	if (m.id.kind != TOKEN_NONE && r == MQTT_UNDERSTOOD) {
		r = take_id(&m.id, ret_order);
	}
	if (r == MQTT_UNDERSTOOD && m.value.kind == TOKEN_NONE) {
		r = MQTT_BAD_KEY;
	}
	if (r == MQTT_UNDERSTOOD && m.ttl.kind != TOKEN_NONE) {
		r = take_ttl(&m.ttl, &ret_order->command);
	}
	return r == MQTT_UNDERSTOOD ? take_value(row, &m.value, &ret_order->command) : r;
}

void mqtt_rate_init(struct mqtt_rate *r, int64_t now_ns)
{
	*r = (struct mqtt_rate){.last_ns = now_ns, .left = MQTT_RATE_BURST};
}

bool mqtt_rate_take(struct mqtt_rate *r, int64_t now_ns)
{
	const int64_t more = now_ns > r->last_ns
				     ? (now_ns - r->last_ns) / (MQTT_RATE_MS * NS_PER_MS)
				     : 0;

	if (more > MQTT_RATE_BURST - r->left) {
		r->left = MQTT_RATE_BURST;
		r->last_ns = now_ns;
	} else {
		r->left += (int32_t)more;
		r->last_ns += more * (MQTT_RATE_MS * NS_PER_MS);
	}
	if (r->left == 0) {
		return false;
	}
	r->left--;
	return true;
}

const char *mqtt_verdict_word(uint32_t verdict)
{
	switch ((enum command_verdict)verdict) {
	case COMMAND_ACCEPTED:
		return "accepted";
	case COMMAND_EXPIRED:
		return "expired";
	case COMMAND_REPLACED:
		return "replaced";
	case COMMAND_RELEASED:
		return "released";
	case COMMAND_BAD_KIND:
	case COMMAND_BAD_TIME:
	case COMMAND_BAD_VALUE:
	case COMMAND_NOT_LOCAL:
	case COMMAND_NOT_ALLOWED:
	case COMMAND_NO_ENVELOPE:
	case COMMAND_VERDICTS:
	default:
		return "refused";
	}
}

size_t mqtt_reply_write(const char *name, const char *id, const char *verdict, const char *reason,
			char *buf, size_t size)
{
	struct json_writer w;

	json_begin(&w, buf, size);
	json_text(&w, "order", name);
	if (id[0] != '\0') {
		json_text(&w, "id", id);
	} else {
		json_null(&w, "id");
	}
	json_text(&w, "verdict", verdict);
	if (reason != NULL) {
		json_text(&w, "reason", reason);
	} else {
		json_null(&w, "reason");
	}
	return json_end(&w);
}
