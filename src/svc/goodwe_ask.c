/* SPDX-License-Identifier: Apache-2.0 */
#include "goodwe_ask.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/units.h"
#include "proto/aa55.h"
#include "proto/goodwe_modbus.h"

#define REQUEST_MAX   AA55_REQUEST_SIZE
#define DATAGRAMS_MAX 64 /* looked at for one request: who floods is not listened to */

_Static_assert(REQUEST_MAX >= GOODWE_MODBUS_REQUEST_SIZE, "room for either request");
_Static_assert(GOODWE_DATAGRAM_MAX > AA55_REPLY_MAX &&
		       GOODWE_DATAGRAM_MAX > GOODWE_MODBUS_REPLY_MAX,
	       "a datagram that is too long is seen to be");

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static size_t build(const struct goodwe_question *q, uint8_t ret_frame[REQUEST_MAX])
{
	if (q->family == GOODWE_FAMILY_MODBUS) {
		goodwe_modbus_request_build((enum goodwe_block)q->what, ret_frame);
		return GOODWE_MODBUS_REQUEST_SIZE;
	}
	aa55_request_build((enum aa55_query)q->what, ret_frame);
	return AA55_REQUEST_SIZE;
}

static enum goodwe_verdict judge(const struct goodwe_question *q, struct goodwe_answer *a)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	return q->family == GOODWE_FAMILY_MODBUS
		       ? goodwe_modbus_reply_judge(
				 a->datagram, a->len,
				 goodwe_modbus_registers((enum goodwe_block)q->what), &data,
				 &a->exception)
		       : aa55_reply_judge(a->datagram, a->len, (enum aa55_query)q->what, &data,
					  &len);
}

/* Return: 0 it is the answer; -EAGAIN it is dropped, -EBADMSG likewise; else the end of the question. */
static int take(struct goodwe *g, const struct goodwe_question *q, struct goodwe_answer *a)
{
	struct goodwe_count *count = &g->said.count;

	switch (judge(q, a)) {
	case GOODWE_OK:
		return 0;
	case GOODWE_REFUSED:
		count->refused++;
		return -EREMOTEIO;
	case GOODWE_OTHER_PROTOCOL:
		count->foreign++;
		return -EPROTO;
	case GOODWE_SHORT:
	case GOODWE_BAD_LENGTH:
	case GOODWE_BAD_SUM:
		count->damaged++;
		return -EBADMSG;
	case GOODWE_BAD_HEADER:
	case GOODWE_ECHO:
	case GOODWE_FOREIGN:
	case GOODWE_TOO_LITTLE:
	case GOODWE_VERDICTS:
	default:
		count->foreign++;
		return -EAGAIN;
	}
}

static int open_socket(const struct goodwe *g)
{
	const int fd = socket(g->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (const struct sockaddr *)&g->address, g->address_len) < 0) {
		const int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static int32_t left_ms(int64_t deadline_ns)
{
	const int64_t left_ns = deadline_ns - service_now();

	return left_ns <= 0 ? 0 : sat_i32(left_ns / NS_PER_MS + 1);
}

/* An end before its time: the inverter is not asked at a higher rate for that. */
static int rest(struct goodwe *g, int error, int64_t deadline_ns)
{
	return service_wait(&g->service, -1, 0, left_ms(deadline_ns)) == -ECANCELED ? -ECANCELED
										    : error;
}

/* The network says no. The inverter may be starting. */
static int give_up(struct goodwe *g, int error, int64_t deadline_ns)
{
	g->said.count.unreachable++;
	return rest(g, error, deadline_ns);
}

/* Return: as goodwe_ask(), for one request. */
static int listen_for(struct goodwe *g, int fd, const struct goodwe_question *q,
		      struct goodwe_answer *a, int64_t deadline_ns)
{
	int worst = -ETIMEDOUT;

	for (int n = 0; n < DATAGRAMS_MAX; n++) {
		const int32_t wait_ms = left_ms(deadline_ns);
		const int events = service_wait(&g->service, fd, POLLIN, wait_ms);

		if (events == -ECANCELED) {
			return events;
		}
		if (events == 0) {
			if (wait_ms == 0 || left_ms(deadline_ns) == 0) {
				return worst;
			}
			continue;
		}
		const ssize_t size = recv(fd, a->datagram, sizeof(a->datagram), 0);

		if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
			continue; /* its checksum was wrong */
		}
		if (size < 0) {
			return give_up(g, -errno, deadline_ns);
		}
		a->len = (size_t)size;
		const int r = take(g, q, a);

		if (r != -EAGAIN && r != -EBADMSG) {
			return r;
		}
		worst = r == -EBADMSG ? r : worst;
	}
	return rest(g, worst, deadline_ns);
}

static void tell(struct goodwe *g, enum event_id id, uint32_t count)
{
	service_say(&g->service, id, shown(count), 0, 0, 0);
}

void goodwe_damaged(struct goodwe *g)
{
	tell(g, EVENT_GOODWE_DAMAGED, ++g->said.count.damaged);
}

static int ask_once(struct goodwe *g, const struct goodwe_question *q, struct goodwe_answer *a)
{
	const int64_t now_ns = service_now();
	const int64_t deadline_ns = now_ns + g->config.answer_ms * NS_PER_MS;
	uint8_t frame[REQUEST_MAX];
	const size_t len = build(q, frame);
	const struct goodwe_count before = g->said.count;
	const int fd = open_socket(g);

	if (fd < 0) {
		return give_up(g, fd, deadline_ns);
	}
	g->said.count.requests++;
	a->asked_ns = now_ns;
	const int r = send(fd, frame, len, MSG_NOSIGNAL) < 0 ? give_up(g, -errno, deadline_ns)
							     : listen_for(g, fd, q, a, deadline_ns);

	(void)close(fd);
	/* One word for each request, however much came. */
	if (g->said.count.damaged != before.damaged) {
		tell(g, EVENT_GOODWE_DAMAGED, g->said.count.damaged);
	}
	if (g->said.count.foreign != before.foreign && r != -EPROTO) {
		tell(g, EVENT_GOODWE_FOREIGN, g->said.count.foreign);
	}
	if (r == -ETIMEDOUT || r == -EBADMSG) {
		g->said.count.silent++;
	}
	return r;
}

int goodwe_ask(struct goodwe *g, const struct goodwe_question *q, int tries,
	       struct goodwe_answer *answer)
{
	int worst = -ETIMEDOUT;

	for (int i = 0; i < tries; i++) {
		const int r = ask_once(g, q, answer);

		if (r == 0 || r == -ECANCELED || r == -EREMOTEIO || r == -EPROTO) {
			return r;
		}
		/* Something came, or the network told why not: that says more than silence. */
		worst = r != -ETIMEDOUT ? r : worst;
	}
	return worst;
}
