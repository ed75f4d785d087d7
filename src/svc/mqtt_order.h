/* SPDX-License-Identifier: Apache-2.0 */
/* Orders on their way: from the broker to the core, and what became of them back to the broker. */
#ifndef JKP_SVC_MQTT_ORDER_H
#define JKP_SVC_MQTT_ORDER_H

#include "svc/mqtt.h"

/* A message on a topic below PREFIX/set/. Bounded: MQTT_PAYLOAD_MAX. */
void mqtt_order_take(struct mqtt *m, const char *topic, const void *payload, size_t len,
		     bool retained);

/* What the core has said since: becomes replies. Bounded by the ring. */
void mqtt_order_answers(struct mqtt *m);

/* Whether the core has not yet said whether it takes an order. */
bool mqtt_order_waits(const struct mqtt *m);

#endif
