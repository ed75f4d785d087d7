/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CAN side of a cycle: which frame leaves when, whether anybody acknowledges, whether the
 * inverter answers. A full set once a second in slots (small controllers have three transmit
 * buffers); a falling limit does not wait for its slot; frames that nobody confirms stop the
 * writing, so that no stale frame waits in a queue (SAF-17).
 */
#ifndef JKP_CORE_LINK_H
#define JKP_CORE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/cycle.h"
#include "core/sink.h"
#include "proto/pylon.h"

#define LINK_BURST_MAX	      3U /* frames in one period: transmit buffers of a small controller */
#define LINK_UNCONFIRMED_SETS 2
#define LINK_JUDGE_NS	      (50 * NS_PER_MS) /* after the last slot of a set */
#define LINK_PROBE_NS	      (2 * NS_PER_S)
#define LINK_FALL_NOW_PM      100 /* a fall of 10 % leaves at once */
#define LINK_SMALL_FALL_NS    (200 * NS_PER_MS)
#define LINK_ALIVE_EVENT_MS   6000

/**
 * struct link - caller-owned
 * @set_ns: start of the running set, TIME_NEVER before the first
 * @slot: next frame of the set
 * @sent_ma: limits in the last 0x351
 * @lost: bits by frame kind: the last one did not leave, what the bus was told is older
 * @sent: last payload by frame kind; len 0 = never
 * @confirmed_in_set: own frames seen since the set began
 * @unconfirmed: sets in a row without any confirmation
 * @stuck: writing has stopped, probing
 * @stuck_ns: begin of the set whose missing confirmation stopped the writing
 * @judged: the running set has been looked at
 */
struct link {
	int64_t set_ns;
	int64_t small_fall_ns;
	int64_t alarm_ns; /* last alarm frame outside a set */
	int64_t stuck_ns;
	int64_t alive_ns;
	int64_t alive_start_ns;
	int64_t alive_sum_ms;
	int32_t alive_min_ms;
	int32_t alive_max_ms;
	int32_t sent_ma[DIRS];
	uint32_t alive_count;
	uint32_t alive_intervals;
	uint32_t alive_counter;
	uint32_t sets;
	uint32_t frames;
	uint32_t confirmed;
	uint32_t confirmed_in_set;
	uint32_t state; /* enum can_link */
	uint32_t lost;
	uint8_t slot;
	uint8_t unconfirmed;
	bool stuck;
	bool judged;
	bool alive_reported;
	bool silence_reported;
	struct can_msg sent[PYLON_FRAMES];
};

void link_init(struct link *l);

/**
 * link_receive - frames and link state of this period
 * @l: link
 * @c: settings
 * @in: inputs of the period
 * @sink: events
 */
void link_receive(struct link *l, const struct core_config *c, const struct cycle_in *in,
		  struct sink *sink);

/**
 * link_send - frames that are due
 * @l: link
 * @c: settings
 * @now_ns: time
 * @s: what is to be said; ccl and dcl on the 0.1 A grid
 * @out: receives frames and the flush request
 * @sink: events
 *
 * Context: the thread that runs the step. Bound: CYCLE_CAN_TX_MAX frames.
 */
void link_send(struct link *l, const struct core_config *c, int64_t now_ns,
	       const struct pylon_state *s, struct cycle_out *out, struct sink *sink);

/**
 * link_pause - nothing is sent in this period: nothing to be confirmed or answered either
 */
void link_pause(struct link *l);

/**
 * link_restart_set - begin a new set in this period (orderly stop)
 */
void link_restart_set(struct link *l, int64_t now_ns);

/**
 * link_set_confirmed - the running set is out and at least its last frames were confirmed
 */
bool link_set_confirmed(const struct link *l, const struct core_config *c);

/**
 * link_limits_lost - the last 0x351 did not leave: what it said is not on the bus
 */
bool link_limits_lost(const struct link *l);

/**
 * link_lost_ms - how long no set has been confirmed, once writing stopped; 0 = all is well
 */
int32_t link_lost_ms(const struct link *l, int64_t now_ns);

#endif
