/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the control socket: for the daemon's own options, and for tools. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 2000

int control_address(const char *stats_path, struct sockaddr_un *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;

	const int n = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			       "%s" CONTROL_SUFFIX, stats_path);

	return n > 0 && (size_t)n < sizeof(ret_address->sun_path) ? 0 : -ENAMETOOLONG;
}

int control_ask(const char *stats_path, const char *order, char *ret_answer)
{
	struct sockaddr_un address;
	int r = control_address(stats_path, &address);
	const int fd = r == 0 ? socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) : -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    send(fd, order, strlen(order), MSG_NOSIGNAL) < 0) {
		r = r != 0 ? r : -errno;
		snprintf(ret_answer, CONTROL_TEXT_MAX,
			 "no daemon takes orders on %s%s (%s): is it running, and are you root or "
			 "its user?",
			 stats_path, CONTROL_SUFFIX, strerror(-r));
	} else {
		const ssize_t n = poll(&p, 1, ANSWER_WAIT_MS) == 1
					  ? recv(fd, ret_answer, CONTROL_TEXT_MAX - 1, 0)
					  : 0;

		if (n > 0) {
			ret_answer[n] = '\0';
			r = strncmp(ret_answer, CONTROL_DONE, strlen(CONTROL_DONE)) == 0 ? 0
											 : -EACCES;
		} else {
			r = -ETIMEDOUT;
			snprintf(ret_answer, CONTROL_TEXT_MAX, "the daemon does not answer");
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	return r;
}
