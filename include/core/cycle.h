/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product in one function: cycle_step() takes the time and every input of one period and
 * returns every effect as data. It makes no system call, allocates nothing, reads no clock, uses
 * integers only. So the whole behaviour runs in a test in simulated time, and a recorded stream of
 * inputs replays an incident exactly.
 */
#ifndef JKP_CORE_CYCLE_H
#define JKP_CORE_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/canmsg.h"
#include "base/event.h"
#include "base/rule.h"
#include "core/command.h"
#include "core/config.h"
#include "core/safety.h"
#include "core/sample.h"
#include "core/source.h"
#include "core/telemetry.h"
#include "proto/jk_uart.h"
#include "proto/pylon.h"

#define CYCLE_RX_MAX	  512U /* serial bytes per period */
#define CYCLE_CAN_RX_MAX  32U  /* frames per period */
#define CYCLE_CAN_TX_MAX  8U
#define CYCLE_COMMAND_MAX 4U
#define CYCLE_EVENT_MAX	  24U
#define CYCLE_ANSWER_MAX  COMMAND_ANSWERS_MAX(CYCLE_COMMAND_MAX)

/* Where a received CAN frame came from. */
enum can_origin {
	CAN_FROM_BUS, /* another node */
	CAN_OWN,      /* our own frame, confirmed by the controller (MSG_CONFIRM) */
};

struct can_rx {
	struct can_msg msg;
	uint8_t origin; /* enum can_origin */
};

/**
 * struct held - values shown after a restart until the first sample (SAF-01)
 * @t_ns: CLOCK_MONOTONIC of the sample they came from, TIME_NEVER = none
 * @reload: not 0: the previous worker has announced this one, two good samples lead to run
 * @kept: what the ladder goes on with, however old the values are
 */
struct held {
	int64_t t_ns;
	int32_t pack_mv;
	int32_t pack_ma;
	int32_t temp_dc;
	int32_t soc_pct;
	int32_t cells;
	uint32_t reload;
	struct safety_kept kept;
};

/* Bit of an identifier in cycle_in.can_lost; those outside 0x350..0x35F have none. */
static inline uint32_t cycle_can_bit(uint16_t id)
{
	return (id & ~0xFU) == 0x350U ? UINT32_C(1) << (id & 0xFU) : 0U;
}

/**
 * struct cycle_in - everything the core learns in one period
 * @now_ns: CLOCK_MONOTONIC, read once after wake-up; never goes back
 * @boot_ns: CLOCK_BOOTTIME read beside it: growth of the difference means suspend (SAF-14)
 * @tty_open: the serial device is open
 * @rx, @rx_len: bytes read from it in this period
 * @request_failed: the request of the previous step could not be written completely
 * @can_link: state of the CAN interface
 * @can_lost: frames of earlier steps that did not leave: refused, or dropped after their slot
 *            (cycle_can_bit()). What they said was not heard
 * @can_rx, @can_rx_len: received frames in order, own ones included
 * @command, @command_len: orders popped from the ring
 * @grid: newest word of the grid meter, GRID_NONE = none yet; may be the same for many periods
 * @peer_local, @peer_portal: that of the other inverter itself and of its portal, PEER_NONE_HEARD =
 *                            none yet. All three can only lower, whatever they contain (SAF-07)
 * @guard_ok: the guard's beat has moved within the last second
 * @relay: enum relay_state
 * @latch: enum reason that the guard has latched since the last step, 0 = none
 * @stop: orderly stop wanted
 * @reload: it is that of an announced reload: the next worker goes on with a closed relay
 */
struct cycle_in {
	int64_t now_ns;
	int64_t boot_ns;
	bool tty_open;
	bool request_failed;
	bool guard_ok;
	bool stop;
	bool reload;
	uint16_t rx_len;
	uint8_t can_rx_len;
	uint8_t command_len;
	uint32_t can_link;
	uint32_t can_lost;
	uint32_t relay;
	uint32_t latch;
	struct grid_sample grid;
	struct peer_sample peer_local;
	struct peer_sample peer_portal;
	struct command command[CYCLE_COMMAND_MAX];
	struct can_rx can_rx[CYCLE_CAN_RX_MAX];
	uint8_t rx[CYCLE_RX_MAX];
};

/**
 * struct cycle_out - everything to be done after one period
 * @bms_tx, @bms_tx_len: bytes to write to the serial device, 0 or JK_REQUEST_SIZE
 * @can_tx, @can_tx_len: frames to write now, in order; a frame that cannot be written within one
 *                       slot (config.slot_ms) is dropped, never sent later, and reported in
 *                       cycle_in.can_lost
 * @can_flush: throw away what the driver has queued before writing (SAF-17)
 * @permit: the relay may be closed
 * @permit_reason: enum reason when it may not
 * @held: values the guard keeps for the next worker
 * @event, @event_len: what happened
 * @answer, @answer_len: what became of orders that have a number
 * @stopped: orderly stop is complete: the last frames said 0 A, and the relay may open
 */
struct cycle_out {
	uint8_t bms_tx_len;
	uint8_t can_tx_len;
	uint8_t event_len;
	uint8_t answer_len;
	bool can_flush;
	bool permit;
	bool stopped;
	uint32_t permit_reason;
	uint8_t bms_tx[JK_REQUEST_SIZE];
	struct can_msg can_tx[CYCLE_CAN_TX_MAX];
	struct held held;
	struct command_answer answer[CYCLE_ANSWER_MAX];
	struct event event[CYCLE_EVENT_MAX];
};

struct cycle; /* complete type in core/cycle_state.h: the caller places it */

/**
 * cycle_init - start from nothing
 * @c: state
 * @config: settings, constant, outlives @c
 * @now_ns: CLOCK_MONOTONIC
 * @boot_ns: CLOCK_BOOTTIME read beside it
 * @held: values kept by the guard from a previous worker, or NULL; used if at most 60 s old
 *
 * Context: init. Pure.
 */
void cycle_init(struct cycle *c, const struct core_config *config, int64_t now_ns, int64_t boot_ns,
		const struct held *held);

/**
 * cycle_step - one period
 * @c: state
 * @in: inputs
 * @out: effects; written completely
 *
 * Context: the realtime cycle thread, a test, or the replay tool. Pure. Bound: CYCLE_RX_MAX bytes,
 * CYCLE_CAN_RX_MAX frames, constant otherwise.
 */
void cycle_step(struct cycle *c, const struct cycle_in *in, struct cycle_out *out);

/**
 * cycle_may_reload - nothing is on its way to a trip, which a new worker would begin to count anew
 *
 * Context: the thread that runs the step. Pure.
 */
bool cycle_may_reload(const struct cycle *c);

/**
 * cycle_telemetry - state after the last step
 *
 * Return: telemetry inside @c, valid until the next step.
 */
const struct telemetry *cycle_telemetry(const struct cycle *c);

/**
 * cycle_explain - every rule of the envelope with its verdict on the newest sample, and what
 *                 arbiter and damping say
 * @c: state
 * @dir: direction
 * @ret_ma: receives one limit per enum rule, INT32_MAX where the rule does not apply
 *
 * Return: false if there is no sample yet.
 * Context: tools (`--explain`). Pure.
 */
bool cycle_explain(const struct cycle *c, enum dir dir, int32_t ret_ma[RULES]);

#endif
