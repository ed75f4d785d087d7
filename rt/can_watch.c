/* SPDX-License-Identifier: Apache-2.0 */
/* Helper thread of a SocketCAN port: watches the interface, sets it up, opens the socket. */
#include "can_socket.h"

#include "base/time.h"
#include "core/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define TICK_MS 100 /* how often the helper looks at the wishes of the cycle thread */
#define LOOK_NS (250 * NS_PER_MS)
#define START_TRY_NS \
	(3 * NS_PER_S) /* below the patience of can_port_start() by a driver's second */
#define ACTIONS_MAX 3  /* per round: configure, release, open */

static int configure(struct can_port *p)
{
	bool fixed_bitrate = false;
	const int result = can_link_configure(p->interface, p->bitrate, &p->socket.info,
					      &fixed_bitrate);

	if (fixed_bitrate && atomic_load_explicit(&p->note_ready, memory_order_relaxed) == 0U) {
		(void)snprintf(p->note, sizeof(p->note),
			       "CAN interface %s has no bit rate to set (vcan, slcan): can.bitrate "
			       "is not used, the interface is only taken up and down",
			       p->interface);
		atomic_store_explicit(&p->note_ready, 1U, memory_order_release);
	}
	return result;
}

static int perform(struct can_port *p, enum can_action action)
{
	int result;

	switch (action) {
	case CAN_ACTION_CONFIGURE:
		return configure(p);
	case CAN_ACTION_OPEN:
		result = can_socket_open(p, p->socket.info.ifindex);
		if (result == 0 && p->socket.manager.opened_before) {
			can_count(p, CAN_COUNT_REOPENS);
		}
		return result;
	case CAN_ACTION_RELEASE:
		handoff_recall(&p->socket.fd);
		return 0;
	case CAN_ACTION_RESTART:
		can_count(p, CAN_COUNT_RESTARTS);
		return can_link_restart(p->interface, &p->socket.info);
	case CAN_ACTION_FLUSH:
		result = can_link_bounce(p->interface);
		can_count(p, result == 0 ? CAN_COUNT_FLUSHES : CAN_COUNT_FLUSH_REFUSED);
		return result;
	case CAN_ACTION_NONE:
	case CAN_ACTIONS:
	default:
		return 0;
	}
}

static bool changes_link(enum can_action action)
{
	return action == CAN_ACTION_CONFIGURE || action == CAN_ACTION_RESTART ||
	       action == CAN_ACTION_FLUSH;
}

static bool look_is_due(struct can_port *p, int64_t now_ns)
{
	const struct can_socket *s = &p->socket;
	const uint32_t asked = atomic_exchange_explicit(&p->look, 0U, memory_order_relaxed);

	return asked != 0U || now_ns - s->looked_ns >= LOOK_NS || !handoff_is_held(&s->fd) ||
	       atomic_load_explicit(&p->bus_off, memory_order_relaxed) != 0U ||
	       atomic_load_explicit(&p->flushes, memory_order_relaxed) != s->manager.flushes_done;
}

static void publish(struct can_port *p)
{
	struct can_socket *s = &p->socket;
	uint32_t link = can_manager_link(&s->info);

	if (link > CAN_LINK_DOWN && !handoff_is_held(&s->fd)) {
		link = CAN_LINK_DOWN;
	}
	s->seq++;
	atomic_store_explicit(&p->word, can_view_word(link, s->info.has_state, s->seq, s->epoch),
			      memory_order_relaxed);
}

static enum can_action one_action(struct can_port *p, int64_t now_ns, int *ret_result)
{
	struct can_socket *s = &p->socket;
	const struct can_manager_in in = {
		.now_ns = now_ns,
		.link = s->info,
		.slot_empty = handoff_is_empty(&s->fd),
		.bus_off = atomic_load_explicit(&p->bus_off, memory_order_relaxed) != 0U,
		.flushes = atomic_load_explicit(&p->flushes, memory_order_relaxed),
	};
	const enum can_action action = can_manager_step(&s->manager, &in);

	*ret_result = perform(p, action);
	can_manager_done(&s->manager, action, &in, *ret_result);
	if (changes_link(action)) {
		s->epoch++;
		(void)can_link_look(&s->link, p->interface, &s->info);
	}
	return action;
}

/* Look, act until there is nothing to do, publish. Returns the first failure. */
static int one_round(struct can_port *p, enum can_action *ret_failed)
{
	struct can_socket *s = &p->socket;
	const int64_t now_ns = helper_now_ns();
	const int lost_fd = handoff_reclaim(&s->fd);
	enum can_action action = CAN_ACTION_CONFIGURE;
	int first = 0;

	if (lost_fd >= 0) {
		(void)close(lost_fd);
	}
	if (!look_is_due(p, now_ns)) {
		return 0;
	}
	s->looked_ns = now_ns;
	first = can_link_look(&s->link, p->interface, &s->info);
	for (int i = 0; i < ACTIONS_MAX && action != CAN_ACTION_NONE; i++) {
		int result;

		action = one_action(p, now_ns, &result);
		if (result < 0 && first == 0) {
			first = result;
			*ret_failed = action;
		}
	}
	publish(p);
	return first;
}

static bool is_started(const struct can_manager *m)
{
	return m->opened != 0 && (!m->manage || m->configured == m->opened);
}

/* What no second attempt changes: a right that is missing, a value that the controller cannot do. */
static bool is_final(int result)
{
	return result == -EPERM || result == -EACCES || result == -EINVAL || result == -ERANGE ||
	       result == -EOPNOTSUPP;
}

/*
 * The adapter may have been plugged in, or slcand started, a moment ago: slcan gives up a command
 * after 1 s of silence (-ETIMEDOUT), and another program may hold the link (-EBUSY).
 */
static int start_rounds(struct can_port *p, enum can_action *ret_failed)
{
	const struct can_manager *m = &p->socket.manager;
	const int64_t end_ns = helper_now_ns() + START_TRY_NS;
	enum can_action failed;
	int result = 0;
	int round;

	do {
		failed = CAN_ACTION_NONE;
		round = one_round(p, &failed);
		if (round < 0) {
			result = round;
			*ret_failed = failed;
		}
	} while (!is_started(m) && !is_final(round) && helper_now_ns() < end_ns &&
		 helper_wait(&p->helper, HELPER_NO_FD, TICK_MS));
	return is_started(m) ? 0 : result;
}

void *can_socket_run(void *arg)
{
	struct can_port *p = arg;
	struct can_socket *s = &p->socket;
	enum can_action failed = CAN_ACTION_NONE;
	const int result = start_rounds(p, &failed);

	atomic_store_explicit(&s->start_action, (uint32_t)failed, memory_order_relaxed);
	atomic_store_explicit(&s->start_result, result, memory_order_release);
	(void)sem_post(&s->started);
	while (helper_wait(&p->helper, HELPER_NO_FD, TICK_MS)) {
		(void)one_round(p, &failed);
	}
	return NULL;
}
