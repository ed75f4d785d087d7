/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the MQTT service sends. A message that cannot leave now is counted and not sent later. Each
 * returns 0, or the reason why the connection is of no more use; some -EAGAIN: try again.
 */
#ifndef JKP_SVC_MQTT_PUBLISH_H
#define JKP_SVC_MQTT_PUBLISH_H

#include "svc/mqtt.h"

/* PREFIX/@name in @buf, MQTT_TOPIC_MAX bytes. */
const char *mqtt_topic(const struct mqtt *m, char *buf, const char *name);

/* All topics with the values of one moment. */
int mqtt_publish_round(struct mqtt *m);

/* A value each, as the original script named them. */
int mqtt_publish_seed(struct mqtt *m);

/* -EAGAIN: not sent. */
int mqtt_publish_status(struct mqtt *m, const char *status);
int mqtt_publish_discovery(struct mqtt *m);

/* The announcement again, if the BMS reports another number of cells. */
int mqtt_publish_cells(struct mqtt *m);

/* What orders are answered. */
int mqtt_publish_replies(struct mqtt *m);

#endif
