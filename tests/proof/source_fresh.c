/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_fresh() of include/core/source.h: whose word counts (SAF-07, SAF-14).
 *
 * Proven, for every time and every age limit: it counts if and only if it was heard at all, not
 * before a suspend, not more than 0.1 s ahead of now, and is no older than its limit.
 *
 * Bounds: none.
 *
 * Assumed: times are 0..2^62 ns or never; time_ms_since() gives any age, it is proven by
 * time_since.c.
 *
 * cbmc: --unwind 2 --signed-overflow-check
 * replace: time_ms_since age_any
 */
#include "core/source.h"
#include "proof.h"
#include "proof_time.h"

#define AHEAD_NS (100 * NS_PER_MS)

static int64_t asked_ns;
static int32_t age_ms;

int32_t age_any(int64_t now_ns, int64_t then_ns)
{
	(void)now_ns;
	asked_ns = then_ns;
	return age_ms;
}

int main(void)
{
	const int64_t now_ns = nondet_i64();
	const int64_t from_ns = nondet_i64();
	const int64_t t_ns = nondet_i64();
	const int32_t stale_ms = nondet_i32();

	age_ms = nondet_i32();
	ASSUME(time_ok(now_ns));
	ASSUME(t_ns == TIME_NEVER || time_ok(t_ns));
	ASSUME(from_ns == TIME_NEVER || time_ok(from_ns));

	const bool counts = source_fresh(now_ns, from_ns, t_ns, stale_ms);

	PROVE_IF(t_ns == TIME_NEVER, !counts, "never heard");
	PROVE_IF(t_ns > now_ns + AHEAD_NS, !counts, "from the future");
	PROVE_IF(t_ns < from_ns, !counts, "from before a suspend");
	PROVE_IF(counts, asked_ns == t_ns && age_ms <= stale_ms, "its own age, within the limit");
	PROVE_IF(t_ns != TIME_NEVER && t_ns <= now_ns + AHEAD_NS && t_ns >= from_ns &&
			 age_ms <= stale_ms,
		 counts, "nothing else speaks against it");
	return 0;
}
