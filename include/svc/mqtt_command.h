/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders over MQTT: what the payload of PREFIX/set/NAME means. Strict: what is not understood
 * completely is refused with a reason. Here nothing is decided about the battery: what is understood
 * goes to the core as a lease that can only lower (SAF-19).
 *
 * Payload: a value alone, or a JSON object of one level:
 *   {"value": 20.5, "ttl": 30, "id": "evening"}
 * value: amperes with at most three decimals, whole per cent, ON or true, by NAME; OFF, false or
 *        null withdraws the order of this name
 * ttl:   whole seconds, 1..60; 60 if it is missing
 * id:    1..36 of A-Z a-z 0-9 . _ : -, repeated in the answers
 */
#ifndef JKP_SVC_MQTT_COMMAND_H
#define JKP_SVC_MQTT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"

#define MQTT_PAYLOAD_MAX 256U /* bytes; longer ones are refused unread */
#define MQTT_ID_MAX	 37U  /* with the NUL */
#define MQTT_REPLY_MAX	 320U /* every reply fits */
#define MQTT_AMPERE_MAX	 400

/* A burst, and what may follow it for ever. */
#define MQTT_RATE_BURST 10
#define MQTT_RATE_MS	500 /* one order in this time */

enum mqtt_refusal {
	MQTT_UNDERSTOOD,
	MQTT_BAD_NAME,
	MQTT_BAD_SIZE,
	MQTT_BAD_BYTES,
	MQTT_BAD_FORM,
	MQTT_BAD_KEY,
	MQTT_BAD_VALUE,
	MQTT_BAD_RANGE,
	MQTT_BAD_TTL,
	MQTT_BAD_ID,
	MQTT_BUSY,
	MQTT_REFUSALS
};

/* One sentence without a full stop; "?" outside the list. */
const char *mqtt_refusal_text(int32_t refusal);

/**
 * struct mqtt_order - one order as it was understood
 * @name: the last level of the topic, static; "?" if it is none
 * @id: as in the payload, or empty
 * @command: for the core; @command.seq is the caller's
 */
struct mqtt_order {
	const char *name;
	char id[MQTT_ID_MAX];
	struct command command;
};

/* Names of the orders, by number from 0; NULL behind the last. */
const char *mqtt_order_name(uint32_t n);

/**
 * mqtt_order_of - name under which a lease of the core is ordered
 *
 * Return: static string, NULL if there is none.
 */
const char *mqtt_order_of(uint32_t kind);

/**
 * mqtt_command_parse - what a message means
 * @name: last level of its topic
 * @payload: bytes; may be NULL if @len is 0
 * @len: any
 * @ret_order: always filled as far as it was understood; @command is only of use after MQTT_UNDERSTOOD
 *
 * Return: enum mqtt_refusal.
 * Context: any thread. Pure. Bound: MQTT_PAYLOAD_MAX.
 */
enum mqtt_refusal mqtt_command_parse(const char *name, const void *payload, size_t len,
				     struct mqtt_order *ret_order);

/**
 * struct mqtt_rate - bound on the orders of a time
 */
struct mqtt_rate {
	int64_t last_ns;
	int32_t left;
};

void mqtt_rate_init(struct mqtt_rate *r, int64_t now_ns);

/* Return: false if this order is one too many. Context: pure. */
bool mqtt_rate_take(struct mqtt_rate *r, int64_t now_ns);

/**
 * mqtt_reply_write - answer to an order, a JSON object
 * @name: of the order
 * @id: or empty
 * @verdict: one word
 * @reason: a sentence, or NULL
 *
 * Return: length; 0 if it does not fit @size.
 * Context: any thread. Pure.
 */
size_t mqtt_reply_write(const char *name, const char *id, const char *verdict, const char *reason,
			char *buf, size_t size);

/* One word for a verdict of the core: accepted, refused, expired, replaced, released. */
const char *mqtt_verdict_word(uint32_t verdict);

#endif
