/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a broker, by libmosquitto, driven by the thread that calls: no thread of its
 * own. A new connection is a new object of the library, so nothing of the old one is sent later.
 */
#ifndef JKP_SVC_MQTT_LINK_H
#define JKP_SVC_MQTT_LINK_H

#include "svc/mqtt.h"

/* Within link_open() and link_drive(): errors of our own beside errno values. */
#define LINK_NO_HOST   (-EADDRNOTAVAIL) /* the name service does not know the host */
#define LINK_SECRET    (-EKEYREJECTED)	/* the password file cannot be used */
#define LINK_TLS       (-EPROTO)	/* see mqtt_link.tls_fault */
#define LINK_REFUSED   (-EACCES)	/* see mqtt_link.refused */
#define LINK_LARGE     (-EMSGSIZE) /* a packet is announced that is too large, see inlet.size */
#define LINK_FLOOD     (-ENOBUFS)  /* more packets than are taken */
#define LINK_SLOW_NAME (-ETIME)	   /* the name service does not answer */

/**
 * mqtt_link_open - begin to connect
 * @l: zeroed but for @order, @context
 * @host: an address; a name, for which the library asks the name service and waits for it
 *
 * Return: 0: go on with mqtt_link_drive() until @l->connected; else as above, and nothing is open.
 */
int mqtt_link_open(struct mqtt_link *l, const struct mqtt_config *config, const char *host);

/**
 * mqtt_link_drive - wait for at most @ms and carry out what there is to do
 *
 * Return: 0; or the reason why the connection is of no more use.
 */
int mqtt_link_drive(struct mqtt_link *l, struct service *s, int32_t ms);

/* Whether a message would leave now: nothing of an earlier one is left. */
bool mqtt_link_ready(const struct mqtt_link *l);

/* Whether the other side has acknowledged every byte: nothing old waits in the kernel either. */
bool mqtt_link_idle(const struct mqtt_link *l);

/**
 * mqtt_link_publish - one message
 * @qos: 0, or 1: is kept until it is acknowledged
 *
 * Return: 0; -EAGAIN: it would have to wait: it is not sent; another reason as above.
 */
int mqtt_link_publish(struct mqtt_link *l, const char *topic, const void *payload, size_t len,
		      int qos, bool retain);

/* 0 or the reason. */
int mqtt_link_subscribe(struct mqtt_link *l, const char *topic);

/* Orderly if @orderly: the broker does not send the last will. */
void mqtt_link_close(struct mqtt_link *l, bool orderly);

#endif
