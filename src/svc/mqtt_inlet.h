/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libmosquitto is let read of a broker. It makes room for whatever length a packet announces (256
 * MB at most, and this process never gives memory back), keeps what comes with quality of service 2,
 * and over TLS reads on as long as there is something. So each packet is looked at before the library
 * sees it: its first bytes, without taking them (recv() with MSG_PEEK, SSL_peek()), while the library
 * is between two packets. Where one ends is known by the library's log, which has at least a line for
 * every packet it has read.
 *
 * A connection that is not fit to be read further is cut: its descriptor is replaced by one without
 * anything to read. To shut it down would not do: what the kernel has would be read before.
 *
 * All that holds for libmosquitto 2.0. Later ones read ahead, so nothing can be known of what comes
 * next: with these the inlet is off, floods are not counted, and RLIMIT_DATA (worker_mqtt.c) is what
 * bounds them.
 *
 * What remains: between a look that finds nothing and the library's own reading, in one call of it,
 * microseconds pass; a header that comes just then is not seen. Nor is one over TLS that begins at the
 * end of a record: SSL_peek() shows no more than that. Both can have what RLIMIT_DATA leaves, and have
 * MQTT_PACKET_MS to become a whole packet.
 */
#ifndef JKP_SVC_MQTT_INLET_H
#define JKP_SVC_MQTT_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svc/mqtt.h"

#define MQTT_HEADER_MAX 5U /* kind, length in 1 to 4 bytes; MQTT 3.1.1, 2.2 */

/**
 * mqtt_header_check - whether a packet is one that a server may send to us
 * @head, @len: its first bytes
 * @ret_size: bytes of the whole packet; untouched unless 0 or -EMSGSIZE is returned
 *
 * What we get: CONNACK, PUBACK, SUBACK, PINGRESP of their only length, PUBLISH with quality of service
 * 0 or 1 (we subscribe with 1, and never unsubscribe).
 * Return: 0; -EAGAIN: more bytes are needed; -EMSGSIZE: more than MQTT_PACKET_MAX; -EBADMSG.
 * Context: any. Pure.
 */
int mqtt_header_check(const uint8_t *head, size_t len, uint32_t *ret_size);

/* Whether a version of the library reads and tells packet by packet, without reading ahead. Pure. */
bool mqtt_inlet_fits(int major, int minor);

/* Of a new connection; the rest of it is zeroed. */
void mqtt_inlet_init(struct mqtt_link *l);

/**
 * mqtt_inlet_look - before the library reads
 *
 * Also carries on a handshake of TLS.
 * Return: 0: it may read; -EAGAIN: not now; another -errno or LINK_...: the connection is of no use.
 */
int mqtt_inlet_look(struct mqtt_link *l);

/*
 * The library has read a packet, and may read the next one at once: called by its log. Waits for the
 * rest of a header, 50 ms at most within one mqtt_link_drive().
 */
void mqtt_inlet_taken(struct mqtt_link *l);

/**
 * mqtt_inlet_late - whether a packet is under way for too long, or too many came
 *
 * Return: 0, -ETIMEDOUT, or why the connection was cut.
 */
int mqtt_inlet_late(const struct mqtt_link *l);

#endif
