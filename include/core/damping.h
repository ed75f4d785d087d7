/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damping: two controllers with dead times on one meter swing against each other. Whether they do is
 * seen in the grid power: samples on both sides of the window's mean, beyond a band, and going from
 * one side to the other again and again. A load that is switched changes sides once or twice; the
 * numbers are the configuration's. Then both limits fall step by step, so that ours takes less part
 * and the other one, whose loop is stable alone, does the work. When it has been calm for a while
 * they are released exponentially. A meter that is silent ends it at once. Caps only (SAF-07).
 *
 * The original script looked for the same (at least 4 of 10 samples beyond 150 W on each side of 0,
 * then both limits / 3), but acted only if it came upon it in one pass a minute, and hardly ever did.
 */
#ifndef JKP_CORE_DAMPING_H
#define JKP_CORE_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/sink.h"

#define DAMPING_RING 64U /* most samples of a window */
#define DAMPING_GAP_MS \
	200 /* samples that come faster are passed over: the window keeps its length */

/**
 * struct damping_in - one step
 * @now_ns: CLOCK_MONOTONIC
 * @grid_ns: when the newest grid power was heard
 * @grid_w: the grid power, SOURCE_NO_VALUE = the meter is silent
 * @own_ma: current of our battery
 * @limit_ma: limits on the bus, mA
 */
struct damping_in {
	int64_t now_ns;
	int64_t grid_ns;
	int32_t grid_w;
	int32_t own_ma;
	int32_t limit_ma[DIRS];
};

struct damping_sample {
	int64_t t_ns;
	int32_t grid_w;
	int32_t own_ma;
};

/**
 * struct damping - caller-owned
 * @cap_ma: what it allows, mA, >= 0, INT32_MAX = anything
 * @active: the grid power oscillates, or the limits are still being released
 */
struct damping {
	int32_t cap_ma[DIRS];
	bool active;
	/* the module's own */
	struct damping_sample ring[DAMPING_RING];
	uint32_t next;
	uint32_t count;
	int64_t seen_ns;    /* newest detection */
	int64_t stepped_ns; /* newest step down */
	int64_t risen_ns;
};

/**
 * damping_init - no sample yet; also after a suspend
 */
void damping_init(struct damping *d);

/**
 * damping_step - take the newest grid power, if it is new, and move the caps
 * @d: state
 * @c: settings
 * @in: inputs, any content
 * @sink: receives an event when an oscillation begins and when it is over
 *
 * Context: the thread that runs the step. Pure. Bound: DAMPING_RING.
 */
void damping_step(struct damping *d, const struct core_config *c, const struct damping_in *in,
		  struct sink *sink);

#endif
