/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the helper of a SocketCAN port does next: a state machine without system calls. It gets what
 * was seen of the interface and the wishes of the cycle thread, and returns one action.
 */
#ifndef JKP_RT_CAN_MANAGER_H
#define JKP_RT_CAN_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define CAN_MANAGER_RESTART_MIN_NS (100 * NS_PER_MS) /* after bus-off, doubled ... */
#define CAN_MANAGER_RESTART_MAX_NS (5 * NS_PER_S)
#define CAN_MANAGER_CALM_NS	   (10 * NS_PER_S) /* without bus-off: back to the least delay */
#define CAN_MANAGER_RETRY_MIN_NS   (250 * NS_PER_MS)
#define CAN_MANAGER_RETRY_MAX_NS   (5 * NS_PER_S)
#define CAN_MANAGER_FLUSH_GAP_NS   NS_PER_S

enum can_action {
	CAN_ACTION_NONE,
	CAN_ACTION_CONFIGURE, /* down, bit rate, no automatic restart, up */
	CAN_ACTION_OPEN,      /* make a socket on the interface */
	CAN_ACTION_RELEASE, /* have the socket given back: it belongs to an interface that is gone */
	CAN_ACTION_RESTART, /* leave bus-off */
	CAN_ACTION_FLUSH,   /* down and up: the driver throws its queue away */
	CAN_ACTIONS
};

/**
 * struct can_link_info - an interface as the kernel shows it
 * @present: it exists
 * @is_can: its type is ARPHRD_CAN
 * @up: IFF_UP
 * @is_virtual: has no controller behind it (vcan, vxcan): no bit rate, no states
 * @has_state: @state is known
 * @state: enum can_state of <linux/can/netlink.h>
 * @ifindex: its index, changes when it is made anew
 */
struct can_link_info {
	bool present;
	bool is_can;
	bool up;
	bool is_virtual;
	bool has_state;
	uint32_t state;
	int32_t ifindex;
};

/**
 * struct can_manager_in - inputs of one step
 * @now_ns: CLOCK_MONOTONIC
 * @link: the interface, looked at just now
 * @slot_empty: no socket is handed out
 * @bus_off: the cycle thread has seen a bus-off error frame that nothing has undone yet
 * @flushes: flushes wanted since start
 */
struct can_manager_in {
	int64_t now_ns;
	struct can_link_info link;
	bool slot_empty;
	bool bus_off;
	uint32_t flushes;
};

/**
 * struct can_manager - state
 */
struct can_manager {
	bool manage;
	int32_t configured; /* interface index that was set up, 0 = none */
	int32_t opened;	    /* interface index of the socket, 0 = none */
	bool opened_before; /* the next opening is not the first */
	int64_t retry_at_ns;
	int64_t retry_delay_ns;
	bool was_bus_off;
	int64_t bus_off_end_ns; /* TIME_NEVER: not since start */
	int64_t restart_at_ns;
	int64_t restart_delay_ns;
	uint32_t flushes_done;
	int64_t flush_at_ns;
};

/**
 * can_manager_init - nothing set up, nothing opened
 * @m: state
 * @manage: can.manage
 *
 * Context: init. Pure.
 */
void can_manager_init(struct can_manager *m, bool manage);

/**
 * can_manager_step - next action
 * @m: state
 * @in: inputs
 *
 * Return: enum can_action. Report the outcome by can_manager_done() before the next step.
 * Context: the helper thread. Pure.
 */
enum can_action can_manager_step(struct can_manager *m, const struct can_manager_in *in);

/**
 * can_manager_done - outcome of an action
 * @m: state
 * @action: what can_manager_step() returned
 * @in: the inputs of that step
 * @result: 0 or -errno
 *
 * Context: the helper thread. Pure.
 */
void can_manager_done(struct can_manager *m, enum can_action action,
		      const struct can_manager_in *in, int result);

/**
 * can_manager_link - state to publish
 * @info: the interface
 *
 * Return: enum can_link. Context: any thread. Pure.
 */
uint32_t can_manager_link(const struct can_link_info *info);

#endif
