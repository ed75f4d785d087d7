/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals: everything that wants less than the envelope allows. The result is the minimum of the
 * envelope and all proposals, with the rule that set it; nothing here can raise a ceiling (SAF-07).
 * Falls pass at once. Rises wait for a second consistent sample (SAF-16), for the ratchet, for
 * calm, and then climb slowly (SAF-06).
 */
#ifndef JKP_CORE_LIMITER_H
#define JKP_CORE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rule.h"
#include "core/config.h"

/* Limits are kept on the grid of the bus (0.1 A), rounded down, so that "0" is 0 everywhere. */
#define LIMITER_GRID_MA 100

/**
 * struct limiter - one direction; caller-owned
 * @ramp_ma: what the slow rise has reached
 * @ramp_rest: remainder of the rise below 1 mA, mA x ns
 * @free_ma, @free_rest: the same without proposals: what it falls on begins the calm time, so that
 *                       an order that came and went never leaves more than there was without it
 * @confirmed_ma: what two samples in a row agree on
 * @previous_ma: envelope of the last good sample
 * @previous_good: there is one, and no bad one came after it
 * @ratchet_ma: INT32_MAX = released
 * @last_ns: time of the last step
 * @last_fall_ns: when the envelope last pushed the output down
 */
struct limiter {
	int32_t ramp_ma;
	int32_t confirmed_ma;
	int32_t previous_ma;
	int32_t ratchet_ma;
	int64_t ramp_rest;
	int64_t free_rest;
	int32_t free_ma;
	int64_t last_ns;
	int64_t last_fall_ns;
	bool previous_good;
};

/* A proposal: a cap and who asks for it. */
struct proposal {
	int32_t cap_ma;
	uint32_t rule;
};

void limiter_init(struct limiter *l, int64_t now_ns);

/**
 * limiter_sample - take the envelope of a new sample
 * @l: limiter
 * @envelope_ma: hard ceiling of this direction
 * @cells_ma: share that the cell rules allow, or -1 if the cells of this sample are not to be
 *            trusted for the ratchet
 * @maximum_ma: the most that the cell rules ever allow
 * @good: the sample may confirm a rise
 * @ratchet: use the ratchet
 *
 * Context: the thread that runs the step. Pure.
 */
void limiter_sample(struct limiter *l, int32_t envelope_ma, int32_t cells_ma, int32_t maximum_ma,
		    bool good, bool ratchet);

/**
 * limiter_release - open the ratchet: the next sample sets it anew
 */
void limiter_release(struct limiter *l);

/**
 * limiter_forget - no consistent sample any more (stale, stopped): the next rise starts from 0
 */
void limiter_forget(struct limiter *l);

/**
 * limiter_step - the limit of this period
 * @l: limiter
 * @c: settings
 * @now_ns: time
 * @envelope: hard ceiling of the newest sample and its rule
 * @extra, @extras: further proposals
 * @may_rise: false: the output may only fall
 * @ret_rule: receives the rule that set the result
 *
 * Return: limit in mA, 0..@envelope.cap_ma, on the grid of 0.1 A.
 * Context: the thread that runs the step. Pure. Bound: @extras.
 */
int32_t limiter_step(struct limiter *l, const struct core_config *c, int64_t now_ns,
		     struct proposal envelope, const struct proposal *extra, uint32_t extras,
		     bool may_rise, uint32_t *ret_rule);

/**
 * limiter_cap - after the ladder lowered the output: the next rise starts from there
 */
void limiter_cap(struct limiter *l, int32_t ma);

#endif
