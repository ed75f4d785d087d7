/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the oracle, for tests/lib/oracle*.c only. */
#ifndef JKP_TESTS_ORACLE_PRIVATE_H
#define JKP_TESTS_ORACLE_PRIVATE_H

#include "base/time.h"
#include "base/units.h"
#include "lib/oracle.h"

/* Records the first broken rule. */
void oracle_fail(struct oracle *o, const char *rule, const char *text, int64_t got, int64_t want);

static inline void oracle_claim(struct oracle *o, bool holds, const char *rule, const char *text,
				int64_t got, int64_t want)
{
	if (!holds) {
		oracle_fail(o, rule, text, got, want);
	}
}

/* oracle_battery.c: plausibility (SAFETY.md 3) and envelope (SAFETY.md 4) of one reply. */
void oracle_judge(struct oracle *o, struct oracle_sample *s, bool identical);
void oracle_envelope(const struct oracle *o, struct oracle_sample *s);
/* Remembers the settings that this reply has and that can be believed. */
void oracle_learn(struct oracle *o, const struct jk_sample *jk);
/* Whether a setting was ever seen, and its newest value. */
bool oracle_limit(const struct oracle *o, enum oracle_limit_id id, int32_t *ret_value);

/* oracle_line.c: serial line, requests, which reply was accepted. */
void oracle_line(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		 const struct telemetry *t);

/* oracle_ladder.c: steps, latches, permit, obedience. */
void oracle_obedience(struct oracle *o, const struct telemetry *t);
void oracle_ladder(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		   const struct telemetry *t);

/* oracle_bus.c: what the frames say and when. */
void oracle_bus(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		const struct telemetry *t);

#endif
