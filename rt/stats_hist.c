/* SPDX-License-Identifier: Apache-2.0 */
/* What a histogram of the statistics page says, and the names of what is measured. */
#include "rt/stats.h"

#define PPM 1000000U

/* Values up to the largest one that is no overflow have a bucket. */
_Static_assert((STATS_HIST_MAX_NS >> STATS_HIST_UNIT_BITS) < (INT64_C(1) << 30) &&
		       (STATS_HIST_MAX_NS >> STATS_HIST_UNIT_BITS) >= (INT64_C(1) << 29),
	       "24 powers of two above the first 64 buckets");
_Static_assert(24U * STATS_HIST_SUB + ((STATS_HIST_MAX_NS >> STATS_HIST_UNIT_BITS) >> 24) + 1U ==
		       STATS_HIST_BUCKETS,
	       "the last bucket holds the largest value");

int64_t stats_hist_low_ns(uint32_t index)
{
	int64_t units = index;

	if (index >= 2U * STATS_HIST_SUB) {
		const uint32_t shift = (index >> STATS_HIST_SUB_BITS) - 1U;

		units = (int64_t)(STATS_HIST_SUB + (index & (STATS_HIST_SUB - 1U))) << shift;
	}
	return units << STATS_HIST_UNIT_BITS;
}

uint64_t stats_hist_count(const uint32_t *cell)
{
	uint64_t n = 0U;

	for (uint32_t i = 0; i < STATS_HIST_CELLS; i++) {
		n += cell[i];
	}
	return n;
}

int64_t stats_hist_quantile_ns(const uint32_t *cell, uint32_t ppm)
{
	const uint64_t n = stats_hist_count(cell);
	/* in two parts: n * ppm might not fit */
	const uint64_t rank = n / PPM * ppm + (n % PPM * ppm + PPM - 1U) / PPM;
	uint64_t passed = 0U;

	if (n == 0U) {
		return -1;
	}
	for (uint32_t i = 0; i < STATS_HIST_BUCKETS; i++) {
		passed += cell[i];
		if (cell[i] != 0U && passed >= rank) {
			return (stats_hist_low_ns(i) + stats_hist_low_ns(i + 1U)) / 2;
		}
	}
	return INT64_MAX;
}

struct time_row {
	const char *name;
	const char *text;
	const char *from;
	const char *to;
};

static const struct time_row times[STATS_TIMES] = {
#define X(id, name, text, from, to) [STATS_##id] = {name, text, from, to},
	STATS_TIME_LIST(X)
#undef X
};

static const struct time_row *row(uint32_t time)
{
	static const struct time_row none = {"?", "?", "?", "?"};

	return time < STATS_TIMES ? &times[time] : &none;
}

const char *stats_time_name(uint32_t time)
{
	return row(time)->name;
}

const char *stats_time_text(uint32_t time)
{
	return row(time)->text;
}

const char *stats_time_from(uint32_t time)
{
	return row(time)->from;
}

const char *stats_time_to(uint32_t time)
{
	return row(time)->to;
}
