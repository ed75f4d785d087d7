/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders over MQTT. First byte: which name; the rest is the payload. What is understood is within the
 * bounds of the core, is none that only a local tool may give, and every answer is text of its bound.
 */
#include "svc/mqtt_command.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good) {
		abort();
	}
}

static void check_order(const struct mqtt_order *order)
{
	const struct command *c = &order->command;

	check(c->kind > COMMAND_NONE && c->kind < COMMANDS && c->kind != COMMAND_ACK);
	check(c->ttl_ms >= 1 && c->ttl_ms <= COMMAND_TTL_MAX_MS);
	check(c->value >= 0 && c->value <= MQTT_AMPERE_MAX * 1000);
	check(c->local == 0U && c->seq == 0U);
	if (c->kind == COMMAND_RELEASE) {
		check(c->value < COMMANDS && c->value != COMMAND_ACK &&
		      c->value != COMMAND_RELEASE);
	}
	if (c->kind == COMMAND_SOC_MAX || c->kind == COMMAND_SOC_MIN) {
		check(c->value <= COMMAND_SOC_MAX_PCT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reply[MQTT_REPLY_MAX];
	struct mqtt_order order;
	uint32_t names = 0;

	if (size == 0U) {
		return 0;
	}
	while (mqtt_order_name(names) != NULL) {
		names++;
	}
	const char *name = mqtt_order_name(data[0] % (names + 1U));
	const enum mqtt_refusal r = mqtt_command_parse(name != NULL ? name : "ack", data + 1,
						       size - 1U, &order);

	check((unsigned int)r < MQTT_REFUSALS && (name != NULL || r == MQTT_BAD_NAME));
	if (r == MQTT_UNDERSTOOD) {
		check_order(&order);
	}
	check(strlen(order.id) < MQTT_ID_MAX && strpbrk(order.id, "\"\\ \n") == NULL);
	check(mqtt_reply_write(order.name, order.id, "refused", mqtt_refusal_text((int32_t)r),
			       reply, sizeof(reply)) > 0U);
	return 0;
}
