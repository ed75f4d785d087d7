/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/remedy.h"
#include "core/telemetry.h"
#include "rt/clock.h"
#include "rt/shared_log.h"
#include "worker.h"

#define DONE	      CONTROL_DONE
#define REFUSED	      "refused: "
#define ORDER_WAIT_MS 100 /* a client that connects has its order ready */
#define ACK_WAIT_MS   500
#define ACK_POLL_MS   10
#define LEASE_MS      1000

int control_open(const char *stats_path, char *error, size_t size)
{
	struct sockaddr_un address;
	int r = control_address(stats_path, &address);

	if (r != 0) {
		snprintf(error, size,
			 "rt.stats=%s: too long, the control socket lies beside it: "
			 "at most 100 characters",
			 stats_path);
		return r;
	}
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		r = -errno;
	} else if ((unlink(address.sun_path) != 0 && errno != ENOENT) ||
		   bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		   chmod(address.sun_path, S_IRUSR | S_IWUSR) != 0 || listen(fd, 1) != 0) {
		r = -errno;
		close(fd);
	}
	if (r != 0) {
		snprintf(error, size, "cannot listen on %s: %s: %s", address.sun_path, strerror(-r),
			 remedy_of(-r));
		return r;
	}
	return fd;
}

void control_close(const char *stats_path, int fd)
{
	struct sockaddr_un address;

	if (fd >= 0) {
		close(fd);
		if (control_address(stats_path, &address) == 0) {
			(void)unlink(address.sun_path);
		}
	}
}

/* The administrator or the daemon's own user. */
static bool may_order(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void answer_ack(struct worker *w, bool recover, char *text, size_t size)
{
	const struct timespec pause = {.tv_nsec = ACK_POLL_MS * (long)NS_PER_MS};
	const struct command c = {.kind = COMMAND_ACK,
				  .value = recover ? 1 : 0,
				  .ttl_ms = LEASE_MS,
				  .local = 1U,
				  .sent_us = command_stamp(clock_now_ns(CLOCK_MONOTONIC))};
	const uint32_t latched = loop_latched(&w->loop);

	if (latched == REASON_NONE) {
		snprintf(text, size, DONE "nothing is latched");
		return;
	}
	if (!ring_push(&w->commands, &c)) {
		snprintf(text, size, REFUSED "too many orders, try again");
		return;
	}
	for (int ms = 0; ms < ACK_WAIT_MS; ms += ACK_POLL_MS) {
		if (loop_latched(&w->loop) == REASON_NONE) {
			shared_log(EVENT_NOTICE, "latched fault %s acknowledged locally%s",
				   reason_name((int32_t)latched),
				   recover ? ", recovery asked for" : "");
			snprintf(text, size, DONE "%s is acknowledged",
				 reason_name((int32_t)latched));
			return;
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	snprintf(text, size,
		 REFUSED
		 "%s stays latched: a critical value is still present, or there is no fresh "
		 "sample of the BMS; see the log",
		 reason_name((int32_t)latched));
}

void control_serve(struct worker *w, int fd)
{
	char text[CONTROL_TEXT_MAX];
	const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pollfd p = {.fd = client, .events = POLLIN};

	if (client < 0) {
		return;
	}
	const ssize_t n = poll(&p, 1, ORDER_WAIT_MS) == 1 ? recv(client, text, sizeof(text) - 1, 0)
							  : -1;

	text[n > 0 ? n : 0] = '\0';
	if (!may_order(client)) {
		snprintf(text, sizeof(text), REFUSED "only root and the daemon's own user may");
	} else if (strcmp(text, "ack") == 0) {
		answer_ack(w, false, text, sizeof(text));
	} else if (strcmp(text, "ack recover") == 0) {
		answer_ack(w, true, text, sizeof(text));
	} else if (strcmp(text, CONTROL_RESET) == 0) {
		loop_request_reset(&w->loop);
		shared_log(EVENT_NOTICE, "statistics of times begin anew by a local order");
		snprintf(text, sizeof(text), DONE "times are measured anew");
	} else {
		snprintf(text, sizeof(text), REFUSED "order not understood");
	}
	(void)send(client, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(client);
}
