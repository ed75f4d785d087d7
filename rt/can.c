/* SPDX-License-Identifier: Apache-2.0 */
/* Front of the CAN port: checks, kept frames, error frames, counters. */
#include "rt/can.h"

#include "base/time.h"
#include "base/units.h"
#include "can_backend.h"
#include "rt/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITRATE_MIN  10000
#define STAMP_MAX_NS NS_PER_S /* an older time stamp is of another wall clock */

static int check(const struct can_port_config *config, char *err, size_t err_len)
{
	bool ids_ok = config->rx_ids && config->rx_ids_len >= 1 &&
		      config->rx_ids_len <= CAN_PORT_RX_IDS_MAX;

	for (size_t i = 0; ids_ok && i < config->rx_ids_len; i++) {
		ids_ok = config->rx_ids[i] <= CAN_MSG_ID_MAX;
	}
	if (!ids_ok) {
		(void)snprintf(err, err_len, "CAN receive identifiers: 1 to %u of 0x000 to 0x7FF",
			       CAN_PORT_RX_IDS_MAX);
		return -EINVAL;
	}
	if (config->slot_ms < 1 || config->slot_ms > CAN_PORT_SLOT_MS_MAX) {
		(void)snprintf(err, err_len, "CAN slot of %d ms: 1 to %d ms", config->slot_ms,
			       CAN_PORT_SLOT_MS_MAX);
		return -EINVAL;
	}
	if (config->manage &&
	    (config->bitrate < BITRATE_MIN || config->bitrate > CAN_PORT_BITRATE_MAX)) {
		(void)snprintf(err, err_len, "CAN bit rate %d: %d to %d bit/s", config->bitrate,
			       BITRATE_MIN, CAN_PORT_BITRATE_MAX);
		return -EINVAL;
	}
	return 0;
}

static int set_interface(struct can_port *p, const char *interface, char *err, size_t err_len)
{
	const bool is_unix = strncmp(interface, CAN_PORT_UNIX_PREFIX,
				     strlen(CAN_PORT_UNIX_PREFIX)) == 0;
	const char *name = is_unix ? interface + strlen(CAN_PORT_UNIX_PREFIX) : interface;
	const size_t max = is_unix ? sizeof(p->interface) : (size_t)IFNAMSIZ;

	if (name[0] == '\0') {
		(void)snprintf(err, err_len,
			       "CAN interface \"%s\": name is empty: give can0 or unix:PATH",
			       interface);
		return -EINVAL;
	}
	if (strlen(name) >= max) {
		(void)snprintf(err, err_len, "CAN interface %.*s...: longer than %zu characters",
			       IFNAMSIZ - 1, name, max - 1U);
		return -ENAMETOOLONG;
	}
	memcpy(p->interface, name, strlen(name) + 1U);
	p->backend = is_unix ? &can_unix_backend : &can_socket_backend;
	return 0;
}

static int start(struct can_port *p, const struct can_port_config *config, char *err,
		 size_t err_len)
{
	int result = set_interface(p, config->interface, err, err_len);

	if (result < 0) {
		return result;
	}
	p->manage = config->manage;
	p->bitrate = config->manage ? (uint32_t)config->bitrate : 0U;
	memcpy(p->rx_ids, config->rx_ids, config->rx_ids_len * sizeof(p->rx_ids[0]));
	p->rx_ids_len = config->rx_ids_len;
	p->slot_ns = config->slot_ms * NS_PER_MS;
	p->helper.stop_fd = -1;
	can_view_init(&p->view);
	atomic_init(&p->word, can_view_word(CAN_LINK_ABSENT, false, 0, 0));
	result = p->backend->start(p, err, err_len);
	if (result < 0) {
		p->backend->stop(p);
	}
	return result;
}

int can_port_start(struct can_port **ret, const struct can_port_config *config, char *err,
		   size_t err_len)
{
	struct can_port *p;
	int result;

	assert(ret && config && config->interface && err && err_len >= 1);
	result = check(config, err, err_len);
	if (result < 0) {
		return result;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		(void)snprintf(err, err_len, "CAN interface %s: out of memory", config->interface);
		return -ENOMEM;
	}
	result = start(p, config, err, err_len);
	if (result < 0) {
		free(p);
		return result;
	}
	*ret = p;
	return 0;
}

void can_port_stop(struct can_port *p)
{
	if (!p) {
		return;
	}
	p->backend->stop(p);
	free(p);
}

const char *can_port_note(const struct can_port *p)
{
	return atomic_load_explicit(&p->note_ready, memory_order_acquire) != 0U ? p->note : NULL;
}

static uint32_t word(const struct can_port *p)
{
	return atomic_load_explicit(&p->word, memory_order_relaxed);
}

uint32_t can_port_link(struct can_port *p)
{
	uint32_t link = can_view_link(&p->view, word(p));

	/* The socket was given up just now; the helper has not yet seen why. */
	if (link > CAN_LINK_DOWN && p->backend->is_open && !p->backend->is_open(p)) {
		link = CAN_LINK_DOWN;
	}
	atomic_store_explicit(&p->bus_off, link == CAN_LINK_BUS_OFF ? 1U : 0U,
			      memory_order_relaxed);
	return link;
}

static void set_value(struct can_port *p, enum can_counter counter, uint32_t value)
{
	atomic_store_explicit(&p->counter[counter], value, memory_order_relaxed);
}

static void take_fault(struct can_port *p, const struct can_frame *f)
{
	struct can_fault fault;

	/* SocketCAN filters in the kernel; a node of the bench bus may say anything. */
	if ((f->can_id & can_frame_error_mask()) == 0U) {
		return;
	}
	can_frame_fault(f, &fault);
	can_count(p, CAN_COUNT_ERROR_FRAMES);
	set_value(p, CAN_COUNT_ERROR_CLASS, fault.error_class);
	set_value(p, CAN_COUNT_ERROR_CTRL, fault.ctrl);
	if (fault.counters) {
		set_value(p, CAN_COUNT_TX_ERR, fault.tx_err);
		set_value(p, CAN_COUNT_RX_ERR, fault.rx_err);
	}
	can_view_fault(&p->view, &fault, word(p));
	(void)can_port_link(p);
}

size_t can_port_read(struct can_port *p, struct can_rx *ret, size_t max)
{
	struct can_frame frame;
	enum can_origin origin;
	size_t n = 0;

	p->budget = CAN_PORT_RECV_MAX;
	while (n < max && p->budget > 0) {
		p->stamp_ns = 0;

		const enum can_recv what = p->backend->recv(p, &frame, &origin);

		if (what == CAN_RECV_NONE) {
			break;
		}
		if (what == CAN_RECV_AGAIN) {
			continue;
		}
		if ((frame.can_id & CAN_ERR_FLAG) != 0U) {
			take_fault(p, &frame);
		} else if (can_frame_decode(&frame, p->rx_ids, p->rx_ids_len, &ret[n].msg)) {
			ret[n].origin = (uint8_t)origin;
			if (n < ARRAY_SIZE(p->rx_stamp_ns)) {
				p->rx_stamp_ns[n] = p->stamp_ns;
			}
			n++;
			can_count(p, CAN_COUNT_RX);
		}
	}
	return n;
}

int64_t can_port_rx_ns(const struct can_port *p, size_t i, int64_t now_ns)
{
	if (i >= ARRAY_SIZE(p->rx_stamp_ns) || p->rx_stamp_ns[i] == 0) {
		return now_ns;
	}
	const int64_t ago_ns = clock_now_ns(CLOCK_REALTIME) - p->rx_stamp_ns[i];
	const int64_t t_ns = clock_now_ns(CLOCK_MONOTONIC) - ago_ns;

	/* the wall clock was set since then, or runs from another time */
	return ago_ns < 0 || ago_ns > STAMP_MAX_NS ? now_ns : t_ns;
}

static void give_up(struct can_port *p, const struct can_frame *f)
{
	can_count(p, CAN_COUNT_TX_DROPPED);
	p->lost |= cycle_can_bit((uint16_t)(f->can_id & CAN_SFF_MASK));
}

uint32_t can_port_lost(struct can_port *p)
{
	const uint32_t lost = p->lost;

	p->lost = 0U;
	return lost;
}

static void drop_pending(struct can_port *p, uint32_t at)
{
	p->pending_len--;
	memmove(&p->pending[at], &p->pending[at + 1U],
		(p->pending_len - at) * sizeof(p->pending[0]));
}

static void drop_all_pending(struct can_port *p)
{
	while (p->pending_len > 0) {
		p->pending_len--;
		give_up(p, &p->pending[p->pending_len].frame);
	}
}

/* In order, up to the first refusal. */
static int send_pending(struct can_port *p)
{
	while (p->pending_len > 0) {
		const int result = p->backend->send(p, &p->pending[0].frame);

		if (result == -EAGAIN) {
			can_count(p, CAN_COUNT_TX_FULL);
			return result;
		}
		if (result < 0) {
			/* No bus: by the time there is one again all of this is stale. */
			drop_all_pending(p);
			return result;
		}
		can_count(p, CAN_COUNT_TX);
		drop_pending(p, 0);
	}
	return 0;
}

void can_port_service(struct can_port *p, int64_t now_ns)
{
	for (uint32_t i = p->pending_len; i > 0; i--) {
		if (now_ns >= p->pending[i - 1U].deadline_ns) {
			give_up(p, &p->pending[i - 1U].frame);
			drop_pending(p, i - 1U);
		}
	}
	(void)send_pending(p);
}

int can_port_write(struct can_port *p, const struct can_msg *m, int64_t now_ns)
{
	struct can_pending fresh = {.deadline_ns = now_ns + p->slot_ns};
	const int result = can_frame_encode(m, &fresh.frame);
	uint32_t at = 0;

	if (result < 0) {
		return result;
	}
	while (at < p->pending_len && p->pending[at].frame.can_id != fresh.frame.can_id) {
		at++;
	}
	if (at == CAN_PORT_PENDING_MAX) {
		give_up(p, &fresh.frame);
		return -ENOBUFS;
	}
	if (at < p->pending_len) {
		can_count(p, CAN_COUNT_TX_DROPPED);
	} else {
		p->pending_len++;
	}
	p->pending[at] = fresh;
	p->lost &= ~cycle_can_bit(m->id); /* a newer one speaks for the one that was given up */
	return send_pending(p);
}

void can_port_flush(struct can_port *p)
{
	const uint32_t flushes = atomic_load_explicit(&p->flushes, memory_order_relaxed);

	drop_all_pending(p);
	if (p->backend == &can_unix_backend) {
		return;
	}
	if (!p->manage) {
		can_count(p, CAN_COUNT_FLUSH_REFUSED);
		return;
	}
	atomic_store_explicit(&p->flushes, flushes + 1U, memory_order_relaxed);
}

static uint32_t value(const struct can_port *p, enum can_counter counter)
{
	return atomic_load_explicit(&p->counter[counter], memory_order_relaxed);
}

bool can_port_error(struct can_port *p, struct can_error *ret_error)
{
	return can_view_error(&p->view, value(p, CAN_COUNT_RESTARTS), ret_error);
}

void can_port_get_stats(const struct can_port *p, struct can_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->tx = value(p, CAN_COUNT_TX);
	ret_stats->tx_full = value(p, CAN_COUNT_TX_FULL);
	ret_stats->tx_dropped = value(p, CAN_COUNT_TX_DROPPED);
	ret_stats->rx = value(p, CAN_COUNT_RX);
	ret_stats->error_frames = value(p, CAN_COUNT_ERROR_FRAMES);
	ret_stats->restarts = value(p, CAN_COUNT_RESTARTS);
	ret_stats->reopens = value(p, CAN_COUNT_REOPENS);
	ret_stats->flushes = value(p, CAN_COUNT_FLUSHES);
	ret_stats->flush_refused = value(p, CAN_COUNT_FLUSH_REFUSED);
	ret_stats->clients_dropped = value(p, CAN_COUNT_CLIENTS_DROPPED);
	ret_stats->last_error_class = value(p, CAN_COUNT_ERROR_CLASS);
	ret_stats->last_error_ctrl = value(p, CAN_COUNT_ERROR_CTRL);
	ret_stats->tx_err = value(p, CAN_COUNT_TX_ERR);
	ret_stats->rx_err = value(p, CAN_COUNT_RX_ERR);
	if (p->backend->clients) {
		p->backend->clients(p, &ret_stats->clients);
	}
}
