/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_name.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/units.h"
#include "lookup.h"
#include "mqtt_link.h"

void mqtt_name_drop(struct mqtt *m)
{
	lookup_drop(m->lookup);
	m->lookup = NULL;
}

static int write_address(const struct sockaddr_storage *address, char host[MQTT_HOST_MAX])
{
	const socklen_t len = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							     : sizeof(struct sockaddr_in);

	return getnameinfo((const struct sockaddr *)address, len, host, MQTT_HOST_MAX, NULL, 0,
			   NI_NUMERICHOST) == 0
		       ? 0
		       : LINK_NO_HOST;
}

static int take_answer(struct mqtt *m, char ret_host[MQTT_ADDRESSES][MQTT_HOST_MAX])
{
	struct sockaddr_storage address;
	socklen_t len = 0;
	int error = 0;
	int r = lookup_result(m->lookup, &address, &len, &error);

	if (r == -EAGAIN) {
		return LINK_SLOW_NAME;
	}
	if (r == 0 && m->config.tls) {
		(void)snprintf(ret_host[0], MQTT_HOST_MAX, "%s", m->config.host);
	} else if (r == 0) {
		r = write_address(&address, ret_host[0]);
		if (r == 0 && lookup_other(m->lookup, &address) == 0 &&
		    write_address(&address, ret_host[1]) != 0) {
			ret_host[1][0] = '\0';
		}
	}
	mqtt_name_drop(m);
	return r == 0 ? 0 : LINK_NO_HOST;
}

int mqtt_name_find(struct mqtt *m, char ret_host[MQTT_ADDRESSES][MQTT_HOST_MAX])
{
	const int64_t end_ns = service_now() + MQTT_LOOKUP_MS * NS_PER_MS;
	const uint16_t port = (uint16_t)m->config.port;
	struct sockaddr_storage address;
	socklen_t len = 0;
	int events = 0;

	ret_host[0][0] = '\0';
	ret_host[1][0] = '\0';
	if (lookup_numeric(m->config.host, port, &address, &len) == 0) {
		(void)snprintf(ret_host[0], MQTT_HOST_MAX, "%s", m->config.host);
		return 0;
	}
	if (m->lookup == NULL) {
		const int r = lookup_start(m->config.host, port, &m->lookup);

		if (r != 0) {
			return r;
		}
	}
	while (events == 0 && service_now() < end_ns) {
		events = service_wait(&m->service, lookup_fd(m->lookup), POLLIN, MQTT_LOOKUP_MS);
	}
	return events < 0 ? events : take_answer(m, ret_host);
}
