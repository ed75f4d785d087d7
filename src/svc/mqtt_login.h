/* SPDX-License-Identifier: Apache-2.0 */
/* User and password of a connection: read anew for each, kept by the library alone. */
#ifndef JKP_SVC_MQTT_LOGIN_H
#define JKP_SVC_MQTT_LOGIN_H

#include "svc/mqtt.h"

/**
 * mqtt_login_set - tell the library, if there is a user
 *
 * Return: 0; LINK_SECRET: the password cannot be used; another -errno.
 */
int mqtt_login_set(struct mqtt_link *l, const struct mqtt_config *c);

#endif
