/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules between settings. Each single value is in its own range already; here is what must hold
 * between two of them. Every fault names both keys and the remedy.
 */
#include <errno.h>
#include <stddef.h>

#include "base/units.h"
#include "core/config.h"

#define TRIP_AFTER_STALE_MS 2000
#define POLLS_PER_STALE	    2
#define SOC_GAP		    2
#define US_PER_MS	    1000
#define PERMILLE_MAX	    1000
#define MS_PER_WORD	    1000 /* of a grid meter */

static const char at_limit[] =
	"the curve must be 0 at the limit level and beyond: move its zero point or the level";

/* Names of the keys, one place each. */
static const char *const curve_key[CURVES] = {
	[CURVE_CHARGE_CELL_HIGH] = "limits.charge_by_cell_high",
	[CURVE_CHARGE_CELL_LOW] = "limits.charge_by_cell_low",
	[CURVE_DISCHARGE_CELL_LOW] = "limits.discharge_by_cell_low",
	[CURVE_CHARGE_COLD] = "limits.charge_by_cold",
	[CURVE_CHARGE_HOT] = "limits.charge_by_hot",
	[CURVE_DISCHARGE_TEMP] = "limits.discharge_by_temp",
	[CURVE_MOS] = "limits.by_mosfet",
};

static const char *const level_key[LEVELS] = {
	[LEVEL_CELL_HIGH] = "limits.cell_high",
	[LEVEL_CELL_LOW] = "limits.cell_low",
	[LEVEL_CHARGE_COLD] = "limits.charge_cold",
	[LEVEL_CHARGE_HOT] = "limits.charge_hot",
	[LEVEL_DISCHARGE_COLD] = "limits.discharge_cold",
	[LEVEL_DISCHARGE_HOT] = "limits.discharge_hot",
	[LEVEL_MOS_HOT] = "limits.mosfet",
};

static const bool level_is_low[LEVELS] = {
	[LEVEL_CELL_LOW] = true,
	[LEVEL_CHARGE_COLD] = true,
	[LEVEL_DISCHARGE_COLD] = true,
};

static const enum curve_shape curve_shape[CURVES] = {
	[CURVE_CHARGE_CELL_HIGH] = CURVE_FALLING,
	[CURVE_CHARGE_CELL_LOW] = CURVE_RISING,
	[CURVE_DISCHARGE_CELL_LOW] = CURVE_RISING,
	[CURVE_CHARGE_COLD] = CURVE_RISING,
	[CURVE_CHARGE_HOT] = CURVE_FALLING,
	[CURVE_DISCHARGE_TEMP] = CURVE_HUMP,
	[CURVE_MOS] = CURVE_FALLING,
};

/* One rule between two keys, already evaluated. */
struct pair {
	bool ok;
	const char *key_a;
	const char *key_b;
	const char *text;
};

static int fault(struct config_fault *ret_fault, const char *a, const char *b, const char *text)
{
	ret_fault->key_a = a;
	ret_fault->key_b = b;
	ret_fault->text = text;
	return -EINVAL;
}

static int check_pairs(const struct pair *p, size_t count, struct config_fault *ret_fault)
{
	for (size_t i = 0; i < count; i++) {
		if (!p[i].ok) {
			return fault(ret_fault, p[i].key_a, p[i].key_b, p[i].text);
		}
	}
	return 0;
}

static int check_times(const struct core_config *c, struct config_fault *ret_fault)
{
	const struct pair pairs[] = {
		{(int64_t)c->poll_ms * POLLS_PER_STALE <= c->stale_ms, "bms.poll", "bms.stale",
		 "two polls must fit into bms.stale: lower bms.poll or raise bms.stale"},
		{(int64_t)c->trip_ms >= (int64_t)c->stale_ms + TRIP_AFTER_STALE_MS, "bms.trip",
		 "bms.stale", "bms.trip must be at least bms.stale + 2s: raise bms.trip"},
		{c->period_us <= (int64_t)c->slot_ms * US_PER_MS, "rt.period", "can.slot",
		 "a frame leaves in a period of its own: raise can.slot to rt.period or more"},
	};

	return check_pairs(pairs, ARRAY_SIZE(pairs), ret_fault);
}

static int check_can(const struct core_config *c, struct config_fault *ret_fault)
{
	if (!c->profile) {
		return fault(ret_fault, "can.profile", NULL, "no such profile");
	}

	const int64_t frames = c->profile->count + (c->send_305 ? 1 : 0);
	const struct pair pairs[] = {
		{frames * c->slot_ms <= c->set_ms, "can.slot", "can.set",
		 "the frames of one set must fit into can.set: lower can.slot or raise can.set"},
		{c->overdischarge_soc >= c->force_charge_soc + SOC_GAP, "can.overdischarge_soc",
		 "can.force_charge_soc",
		 "can.overdischarge_soc must be at least can.force_charge_soc + 2 %: set the "
		 "inverter and this file so"},
	};

	return check_pairs(pairs, ARRAY_SIZE(pairs), ret_fault);
}

static int check_charge(const struct core_config *c, struct config_fault *ret_fault)
{
	const struct level *high = &c->level[LEVEL_CELL_HIGH];
	const struct level *low = &c->level[LEVEL_CELL_LOW];
	const struct pair pairs[] = {
		{c->float_mv <= c->bulk_mv, "charge.float", "charge.bulk",
		 "charge.float must not be above charge.bulk: lower charge.float"},
		{c->bulk_mv <= c->cvl_max_mv, "charge.bulk", "charge.cvl_max",
		 "charge.bulk must not be above charge.cvl_max: lower charge.bulk"},
		{c->cvl_max_mv < high->limit, "charge.cvl_max", "limits.cell_high",
		 "charge.cvl_max must be below the limit level (second value) of "
		 "limits.cell_high: lower charge.cvl_max"},
		{c->dvl_mv >= low->limit, "limits.dvl", "limits.cell_low",
		 "limits.dvl must not be below the limit level (second value) of "
		 "limits.cell_low: raise limits.dvl"},
		{c->dvl_mv < c->float_mv, "limits.dvl", "charge.float",
		 "limits.dvl must be below charge.float: lower limits.dvl"},
		{c->absorption_ms <= c->absorption_max_ms, "charge.absorption",
		 "charge.absorption_max",
		 "charge.absorption must not be longer than charge.absorption_max: raise "
		 "charge.absorption_max"},
		{c->spread_steady_mv <= c->spread_full_mv, "charge.spread_steady",
		 "charge.spread_full",
		 "charge.spread_steady must not be above charge.spread_full: lower "
		 "charge.spread_steady"},
		{c->rebulk_spread_mv > c->spread_full_mv, "charge.rebulk_spread",
		 "charge.spread_full",
		 "charge.rebulk_spread must be above charge.spread_full, or the end of a charge "
		 "starts the next one: raise charge.rebulk_spread"},
	};

	return check_pairs(pairs, ARRAY_SIZE(pairs), ret_fault);
}

static int check_house(const struct core_config *c, struct config_fault *ret_fault)
{
	const struct damping_config *d = &c->damping;
	const struct arbiter_config *a = &c->arbiter;
	const struct pair pairs[] = {
		{c->source[SOURCE_LOCAL].stale_ms <= c->source[SOURCE_PORTAL].stale_ms,
		 "goodwe.stale", "sems.stale",
		 "the portal is older than the inverter itself, so it must be believed longer: lower "
		 "goodwe.stale or raise sems.stale"},
		{a->grace_ms < c->source[SOURCE_LOCAL].stale_ms, "arbiter.grace", "goodwe.stale",
		 "the inverter is silent before the interlock acts on its word: lower arbiter.grace"},
		{a->cross_hold_ms >= a->hold_ms, "arbiter.cross_hold", "arbiter.hold",
		 "arbiter.cross_hold must not be shorter than arbiter.hold: raise arbiter.cross_hold"},
		{a->rise_ma_s <= a->fall_ma_s, "arbiter.rise", "arbiter.fall",
		 "limits must not rise faster than they fall: lower arbiter.rise"},
		{d->each <= d->samples / 2, "damping.each", "damping.samples",
		 "so many words on each side cannot be among damping.samples: lower damping.each"},
		{d->swings < 2 * d->each, "damping.swings", "damping.each",
		 "so many changes need more words on each side: lower damping.swings or raise "
		 "damping.each"},
		{d->window_ms <= d->hold_ms || d->preset == DAMPING_OFF, "damping.window",
		 "damping.hold",
		 "the window must have forgotten the oscillation before the limits rise: raise "
		 "damping.hold"},
		{(int64_t)d->samples * MS_PER_WORD <= d->window_ms || d->preset == DAMPING_OFF,
		 "damping.samples", "damping.window",
		 "a meter sends once a second, so the window does not hold damping.samples of its "
		 "words: raise damping.window"},
	};

	return check_pairs(pairs, ARRAY_SIZE(pairs), ret_fault);
}

static int check_levels(const struct core_config *c, struct config_fault *ret_fault)
{
	for (uint32_t i = 0; i < LEVELS; i++) {
		const struct level *l = &c->level[i];

		if (level_is_low[i] && (l->warn < l->limit || l->limit <= l->critical)) {
			return fault(ret_fault, level_key[i], NULL,
				     "three falling levels are needed: warn, limit, critical");
		}
		if (!level_is_low[i] && (l->warn > l->limit || l->limit >= l->critical)) {
			return fault(ret_fault, level_key[i], NULL,
				     "three rising levels are needed: warn, limit, critical");
		}
	}

	static const enum level_id opposite[][2] = {
		{LEVEL_CELL_LOW, LEVEL_CELL_HIGH},
		{LEVEL_CHARGE_COLD, LEVEL_CHARGE_HOT},
		{LEVEL_DISCHARGE_COLD, LEVEL_DISCHARGE_HOT},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(opposite); i++) {
		if (c->level[opposite[i][0]].warn >= c->level[opposite[i][1]].warn) {
			return fault(ret_fault, level_key[opposite[i][0]],
				     level_key[opposite[i][1]],
				     "the low warning level must lie below the high one: nothing "
				     "is left between them");
		}
	}
	return 0;
}

static bool zero_at_or_below(const struct curve *c, int32_t x)
{
	for (uint32_t i = 0; i < c->count && i < CURVE_POINTS_MAX; i++) {
		if (c->x[i] <= x && c->y[i] != 0) {
			return false;
		}
	}
	return curve_eval(c, x) == 0;
}

static bool zero_at_or_above(const struct curve *c, int32_t x)
{
	for (uint32_t i = 0; i < c->count && i < CURVE_POINTS_MAX; i++) {
		if (c->x[i] >= x && c->y[i] != 0) {
			return false;
		}
	}
	return curve_eval(c, x) == 0;
}

static bool share_too_large(const struct curve *c)
{
	bool large = false;

	for (uint32_t i = 0; i < c->count && i < CURVE_POINTS_MAX; i++) {
		large = large || (c->unit == CURVE_PERMILLE && c->y[i] > PERMILLE_MAX);
	}
	return large;
}

static int check_curves(const struct core_config *c, struct config_fault *ret_fault)
{
	static const char *const text[] = {
		[CURVE_ANY] = "the points must rise in voltage or temperature",
		[CURVE_RISING] = "the points must rise in voltage or temperature, and the current "
				 "must not fall from one to the next",
		[CURVE_FALLING] = "the points must rise in voltage or temperature, and the "
				  "current must not rise from one to the next",
		[CURVE_HUMP] = "the points must rise in temperature, and the current must rise "
			       "first and then fall",
	};
	static const struct {
		enum curve_id curve;
		enum level_id level;
	} zeros[] = {
		{CURVE_CHARGE_CELL_HIGH, LEVEL_CELL_HIGH},
		{CURVE_DISCHARGE_CELL_LOW, LEVEL_CELL_LOW},
		{CURVE_CHARGE_COLD, LEVEL_CHARGE_COLD},
		{CURVE_CHARGE_HOT, LEVEL_CHARGE_HOT},
		{CURVE_DISCHARGE_TEMP, LEVEL_DISCHARGE_COLD},
		{CURVE_DISCHARGE_TEMP, LEVEL_DISCHARGE_HOT},
		{CURVE_MOS, LEVEL_MOS_HOT},
	};

	for (uint32_t i = 0; i < CURVES; i++) {
		if (curve_check(&c->curve[i], curve_shape[i]) != -1) {
			return fault(ret_fault, curve_key[i], NULL, text[curve_shape[i]]);
		}
		if (share_too_large(&c->curve[i])) {
			return fault(ret_fault, curve_key[i], NULL, "no point may exceed 100 %");
		}
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(zeros); i++) {
		const struct curve *curve = &c->curve[zeros[i].curve];
		const int32_t x = c->level[zeros[i].level].limit;
		const bool low = level_is_low[zeros[i].level];

		if (!(low ? zero_at_or_below(curve, x) : zero_at_or_above(curve, x))) {
			return fault(ret_fault, curve_key[zeros[i].curve],
				     level_key[zeros[i].level], at_limit);
		}
	}
	return 0;
}

int core_config_check(const struct core_config *c, struct config_fault *ret_fault)
{
	int r = check_times(c, ret_fault);

	if (r == 0) {
		r = check_can(c, ret_fault);
	}
	if (r == 0) {
		r = check_levels(c, ret_fault);
	}
	if (r == 0) {
		r = check_curves(c, ret_fault);
	}
	if (r == 0) {
		r = check_charge(c, ret_fault);
	}
	if (r == 0) {
		r = check_house(c, ret_fault);
	}
	return r;
}
