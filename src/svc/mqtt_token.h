/* SPDX-License-Identifier: Apache-2.0 */
/* The small part of JSON that an order may use, read in place: no copy, no allocation. */
#ifndef JKP_SVC_MQTT_TOKEN_H
#define JKP_SVC_MQTT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_BLANKS " \t\r\n"

/* A piece of the payload; what is left of it. */
struct mqtt_text {
	const char *at;
	size_t len;
};

enum mqtt_token_kind {
	TOKEN_NONE,
	TOKEN_WORD, /* true, false, null, ON, PRESS ... */
	TOKEN_NUMBER,
	TOKEN_STRING, /* @text without the quotation marks */
};

struct mqtt_token {
	enum mqtt_token_kind kind;
	struct mqtt_text text;
};

void mqtt_skip_blanks(struct mqtt_text *t);

/* The character and the blanks around it. Return: false if another one follows. */
bool mqtt_take_char(struct mqtt_text *t, char c);

/* A string without escapes, a number or a word. Return: false if none follows. */
bool mqtt_take_token(struct mqtt_text *t, struct mqtt_token *ret);

bool mqtt_text_is(const struct mqtt_text *t, const char *word);

/* Of what an id is made. */
bool mqtt_is_id(char c);

/* Thousandths; false for what is no plain decimal number with at most 3 decimals. */
bool mqtt_parse_milli(struct mqtt_text t, int64_t *ret_milli);

#endif
