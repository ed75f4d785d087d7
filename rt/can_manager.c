/* SPDX-License-Identifier: Apache-2.0 */
#include "can_manager.h"

#include "base/units.h"
#include "core/telemetry.h"

#include <linux/can/netlink.h>
#include <string.h>

void can_manager_init(struct can_manager *m, bool manage)
{
	memset(m, 0, sizeof(*m));
	m->manage = manage;
	m->retry_at_ns = INT64_MIN;
	m->retry_delay_ns = CAN_MANAGER_RETRY_MIN_NS;
	m->bus_off_end_ns = TIME_NEVER;
	m->restart_delay_ns = CAN_MANAGER_RESTART_MIN_NS;
	m->flush_at_ns = INT64_MIN;
}

static bool usable(const struct can_link_info *link)
{
	return link->present && link->is_can && link->ifindex > 0;
}

/* The kernel's word counts where it has one; an error frame could come from anybody. */
static bool is_bus_off(const struct can_manager_in *in)
{
	return in->link.has_state ? in->link.state == CAN_STATE_BUS_OFF : in->bus_off;
}

/* Edges of bus-off: when the next attempt is due, and when the delay may shrink again. */
static void follow_bus_off(struct can_manager *m, const struct can_manager_in *in)
{
	const bool bus_off = is_bus_off(in);

	if (bus_off && !m->was_bus_off) {
		if (m->bus_off_end_ns != TIME_NEVER &&
		    in->now_ns - m->bus_off_end_ns >= CAN_MANAGER_CALM_NS) {
			m->restart_delay_ns = CAN_MANAGER_RESTART_MIN_NS;
		}
		m->restart_at_ns = in->now_ns + m->restart_delay_ns;
	} else if (!bus_off && m->was_bus_off) {
		m->bus_off_end_ns = in->now_ns;
	}
	m->was_bus_off = bus_off;
}

/* Only manage=yes may change the interface. */
static enum can_action managed_action(struct can_manager *m, const struct can_manager_in *in)
{
	if (!in->link.up || m->configured != in->link.ifindex) {
		return in->now_ns >= m->retry_at_ns ? CAN_ACTION_CONFIGURE : CAN_ACTION_NONE;
	}
	follow_bus_off(m, in);
	if (m->was_bus_off) {
		return in->now_ns >= m->restart_at_ns ? CAN_ACTION_RESTART : CAN_ACTION_NONE;
	}
	if (in->flushes != m->flushes_done && in->now_ns >= m->flush_at_ns) {
		return CAN_ACTION_FLUSH;
	}
	return CAN_ACTION_NONE;
}

enum can_action can_manager_step(struct can_manager *m, const struct can_manager_in *in)
{
	enum can_action action = CAN_ACTION_NONE;

	if (in->slot_empty) {
		m->opened = 0;
	}
	if (!usable(&in->link)) {
		m->configured = 0;
		m->retry_at_ns = INT64_MIN;
		return m->opened != 0 ? CAN_ACTION_RELEASE : CAN_ACTION_NONE;
	}
	if (m->opened != 0 && m->opened != in->link.ifindex) {
		return CAN_ACTION_RELEASE;
	}
	if (m->manage) {
		action = managed_action(m, in);
	}
	if (action == CAN_ACTION_NONE && m->opened == 0) {
		return CAN_ACTION_OPEN;
	}
	return action;
}

void can_manager_done(struct can_manager *m, enum can_action action,
		      const struct can_manager_in *in, int result)
{
	switch (action) {
	case CAN_ACTION_CONFIGURE:
		/* Also after success: an interface that falls down again is not set up in a loop. */
		m->retry_at_ns = in->now_ns + m->retry_delay_ns;
		m->retry_delay_ns = min_i64(2 * m->retry_delay_ns, CAN_MANAGER_RETRY_MAX_NS);
		if (result == 0) {
			m->configured = in->link.ifindex;
			m->retry_delay_ns = CAN_MANAGER_RETRY_MIN_NS;
			m->was_bus_off = false;
		}
		break;
	case CAN_ACTION_OPEN:
		if (result == 0) {
			m->opened = in->link.ifindex;
			m->opened_before = true;
		}
		break;
	case CAN_ACTION_RESTART:
		m->restart_delay_ns = min_i64(2 * m->restart_delay_ns, CAN_MANAGER_RESTART_MAX_NS);
		m->restart_at_ns = in->now_ns + m->restart_delay_ns;
		break;
	case CAN_ACTION_FLUSH:
		/* A failed flush is not repeated: what it should have thrown away has left by then. */
		m->flushes_done = in->flushes;
		m->flush_at_ns = in->now_ns + CAN_MANAGER_FLUSH_GAP_NS;
		break;
	case CAN_ACTION_RELEASE:
	case CAN_ACTION_NONE:
	case CAN_ACTIONS:
	default:
		break;
	}
}

uint32_t can_manager_link(const struct can_link_info *info)
{
	if (!usable(info)) {
		return CAN_LINK_ABSENT;
	}
	if (!info->up) {
		return CAN_LINK_DOWN;
	}
	if (!info->has_state) {
		return CAN_LINK_UP;
	}
	switch (info->state) {
	case CAN_STATE_ERROR_ACTIVE:
		return CAN_LINK_UP;
	case CAN_STATE_ERROR_WARNING:
		return CAN_LINK_WARNING;
	case CAN_STATE_ERROR_PASSIVE:
		return CAN_LINK_PASSIVE;
	case CAN_STATE_BUS_OFF:
		return CAN_LINK_BUS_OFF;
	default:
		return CAN_LINK_DOWN;
	}
}
