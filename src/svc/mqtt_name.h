/* SPDX-License-Identifier: Apache-2.0 */
/* Where the broker is, without waiting in the resolver. */
#ifndef JKP_SVC_MQTT_NAME_H
#define JKP_SVC_MQTT_NAME_H

#include "svc/mqtt.h"

#define MQTT_ADDRESSES 2U /* one of each family */
#define MQTT_HOST_MAX  256U

/**
 * mqtt_name_find - what mqtt_link_open() is to dial, the best one first
 * @ret_host: addresses; with TLS the name itself, once it is known to the name service; "" = no more
 *
 * Return: 0; -ECANCELED: the service ends; LINK_SLOW_NAME: no answer within MQTT_LOOKUP_MS; it is
 * left to itself, and asked for its result by the next call; LINK_NO_HOST; another -errno.
 */
int mqtt_name_find(struct mqtt *m, char ret_host[MQTT_ADDRESSES][MQTT_HOST_MAX]);

/* The request is of no more use. */
void mqtt_name_drop(struct mqtt *m);

#endif
