/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Home Assistant must know to show everything as one device: one retained message on
 * DISCOVERY_PREFIX/device/ID/config with "dev", "o" and "cmps" (device-based discovery, Home
 * Assistant 2024.11 and later). Facts: https://www.home-assistant.io/integrations/mqtt/ (discovery),
 * .../sensor.mqtt/, .../binary_sensor.mqtt/, .../number.mqtt/, .../switch.mqtt/, .../button.mqtt/,
 * and DEVICE_DISCOVERY_SCHEMA, DEVICE_CLASS_UNITS, DEVICE_CLASS_STATE_CLASSES of home-assistant/core.
 */
#ifndef JKP_SVC_MQTT_DISCOVERY_H
#define JKP_SVC_MQTT_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "svc/mqtt_value.h"

#define MQTT_DISCOVERY_MAX (64U * 1024U) /* every message fits */

/**
 * struct mqtt_discovery - what one message is made of
 * @prefix: of the topics
 * @id: of A-Z a-z 0-9 _ -; makes the entities unique
 * @cells: number of cells; one entity each
 * @cells_before: announced earlier: those beyond @cells are taken back
 * @service: names of the services
 * @expire_s: without news for so long a value is unavailable
 * @max_ma: upper end of the numbers that order a limit
 * @commands: entities for orders as well
 * @full_charge: and one for a full charge
 * @house: also of meter, other inverter, arbiter and damping: there is something to hear
 */
struct mqtt_discovery {
	const char *prefix;
	const char *id;
	uint32_t cells;
	uint32_t cells_before;
	const char *service[MQTT_SERVICES_MAX];
	uint32_t services;
	int32_t expire_s;
	int32_t max_ma[DIRS];
	bool commands;
	bool full_charge;
	bool house;
};

/**
 * mqtt_discovery_write - the message
 *
 * Return: its length; 0 if it does not fit.
 * Context: any thread. Pure.
 */
size_t mqtt_discovery_write(const struct mqtt_discovery *d, char *buf, size_t size);

/* Whether a quantity serves finding faults: an entity of the category "diagnostic". */
bool mqtt_is_diagnostic(const struct mqtt_quantity *q);

#endif
