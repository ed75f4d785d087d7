/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of cycle_step(), each in a file of its own. For src/core/cycle*.c only. */
#ifndef JKP_CORE_CYCLE_PRIVATE_H
#define JKP_CORE_CYCLE_PRIVATE_H

#include "core/cycle.h"
#include "core/cycle_state.h"
#include "core/sink.h"

/* cycle_command.c: leases begin and end, and are answered. */
void cycle_take_commands(struct cycle *c, const struct cycle_in *in, bool slept,
			 struct cycle_out *out, struct sink *sink);
/* All of them end (suspend): CLOCK_MONOTONIC did not count the time that they slept through. */
void cycle_end_leases(struct cycle *c, struct cycle_out *out, struct sink *sink);
/* Value of a lease, INT32_MAX if it does not run. */
int32_t cycle_lease(const struct cycle *c, enum command_kind kind);
/* Whether the newest SoC has reached a bound that an order gives: cycle.soc_reached. */
void cycle_watch_soc(struct cycle *c);

/*
 * cycle_sample.c: a new sample through plausibility, envelope, levels, limiter and phases. What it
 * lacks and an earlier one had is filled in; the sign of its temperatures is decided.
 */
void cycle_take_sample(struct cycle *c, struct sample *s, bool identical, struct sink *sink);

/* cycle_settings.c: warnings about protection values of the BMS (SAF-15). */
void cycle_report_settings(struct cycle *c, const struct sample *s, struct sink *sink);

/* cycle_limit.c: min(envelope, proposals), the ladder's word, and what is said on the bus. */
void cycle_limit(struct cycle *c, const struct cycle_in *in, struct sink *sink);
void cycle_say(struct cycle *c, const struct cycle_in *in);

/* cycle_report.c: telemetry. */
void cycle_report(struct cycle *c, const struct cycle_in *in, int32_t age_ms);

#endif
