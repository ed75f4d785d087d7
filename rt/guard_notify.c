/* SPDX-License-Identifier: Apache-2.0 */
/* Word to the service manager. */
#include "rt/guard_notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

#define DECIMAL	     10
#define WATCHDOG_MAX (UINT64_C(3600) * 1000000U) /* us */

/* Return: the number in the environment, 0 if there is none or it is malformed or too large. */
static uint64_t env_number(const char *name, uint64_t max)
{
	const char *text = getenv(name);
	char *end = NULL;

	if (text == NULL || *text < '0' || *text > '9') {
		return 0U;
	}
	errno = 0;
	const unsigned long long v = strtoull(text, &end, DECIMAL);

	return errno == 0 && *end == '\0' && v <= max ? v : 0U;
}

void guard_notify_init(struct guard_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const size_t len = path == NULL ? 0U : strlen(path);
	const uint64_t pid = env_number("WATCHDOG_PID", INT32_MAX);

	memset(n, 0, sizeof(*n));
	n->fd = -1;
	if (len < 2U || len >= sizeof(n->address.sun_path) || (path[0] != '/' && path[0] != '@')) {
		return;
	}
	n->address.sun_family = AF_UNIX;
	memcpy(n->address.sun_path, path, len);
	if (path[0] == '@') {
		n->address.sun_path[0] = '\0';
	}
	n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pid == 0U || pid == (uint64_t)getpid()) {
		n->feed_ns = (int64_t)env_number("WATCHDOG_USEC", WATCHDOG_MAX) * NS_PER_US / 2;
	}
}

void guard_notify_send(struct guard_notify *n, const char *text)
{
	if (n->fd >= 0) {
		(void)sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&n->address, n->address_len);
	}
}

void guard_notify_feed(struct guard_notify *n, int64_t now_ns)
{
	if (n->feed_ns > 0 && now_ns - n->fed_ns >= n->feed_ns) {
		n->fed_ns = now_ns;
		guard_notify_send(n, "WATCHDOG=1");
	}
}
