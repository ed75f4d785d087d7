/* SPDX-License-Identifier: Apache-2.0 */
/* Settings at random, of a kind that core_config_check() accepts. */
#include "lib/world.h"

#define TRIES 8U

static int32_t one_of(struct world *w, const int32_t *value, uint32_t n)
{
	return value[world_pick(w, n)];
}

/* Points that rise (or fall) between two places, 0 at the end that must be 0. */
static void random_curve(struct world *w, struct curve *c, int32_t lo, int32_t hi, bool rising)
{
	const uint32_t count = world_pick(w, CURVE_POINTS_MAX - 1U) + 2U;
	const int32_t step = (hi - lo) / (int32_t)count;
	int32_t x = lo;
	int32_t y = 0;

	if (step < 2) {
		return;
	}
	c->count = (uint8_t)count;
	c->step = world_pick(w, 3) == 0;
	c->unit = (uint8_t)world_pick(w, 3);
	const int32_t top = c->unit == CURVE_MA ? 80000 : 1000;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t at = rising ? i : count - 1U - i;

		c->x[at] = x;
		c->y[at] = y;
		x += (rising ? 1 : -1) * world_range(w, 1, step);
		y = min_i32(y + world_range(w, 0, 2 * top / (int32_t)count), top);
	}
}

static void random_curves(struct world *w, struct core_config *c)
{
	const struct level *l = c->level;

	if (world_pick(w, 2) == 0) {
		random_curve(w, &c->curve[CURVE_CHARGE_CELL_LOW], 2000, 3200, true);
	}
	if (world_pick(w, 2) == 0) {
		random_curve(w, &c->curve[CURVE_DISCHARGE_CELL_LOW], l[LEVEL_CELL_LOW].limit, 3300,
			     true);
		c->curve[CURVE_DISCHARGE_CELL_LOW].step = false;
	}
	if (world_pick(w, 2) == 0) {
		random_curve(w, &c->curve[CURVE_CHARGE_COLD], l[LEVEL_CHARGE_COLD].limit, 250,
			     true);
	}
	if (world_pick(w, 2) == 0) {
		struct curve *high = &c->curve[CURVE_CHARGE_CELL_HIGH];

		/* From the limit level down. */
		random_curve(w, high, l[LEVEL_CELL_HIGH].limit, l[LEVEL_CELL_HIGH].limit + 250,
			     false);
	}
	if (world_pick(w, 2) == 0) {
		random_curve(w, &c->curve[CURVE_MOS], l[LEVEL_MOS_HOT].limit,
			     l[LEVEL_MOS_HOT].limit + 300, false);
	}
}

static void random_levels(struct world *w, struct core_config *c)
{
	const int32_t shift = world_range(w, -30, 30);

	if (world_pick(w, 2) == 0) {
		c->level[LEVEL_CELL_HIGH].warn += shift;
		c->level[LEVEL_CELL_HIGH].critical += shift;
		c->level[LEVEL_CELL_LOW].critical += world_range(w, -100, 200);
		c->level[LEVEL_MOS_HOT].critical += world_range(w, -50, 100);
	}
}

static void random_house(struct world *w, struct core_config *c)
{
	static const int32_t grace[] = {0, 1000, 5000, 30000};
	struct arbiter_config *a = &c->arbiter;

	for (uint32_t i = 0; i < SOURCES; i++) {
		c->source[i].stale_ms = world_range(w, 1000, 30000);
		c->source[i].fallback = (enum fallback)(world_pick(w, 2) * world_pick(w, 3));
		c->source[i].cap_ma = world_range(w, 0, 60000);
	}
	a->interlock = world_pick(w, 4) != 0;
	a->cross = world_pick(w, 4) != 0;
	a->peer_charge_ma = world_range(w, 0, 20000);
	a->peer_discharge_ma = world_range(w, 0, 5000);
	a->import_w = world_range(w, 0, 2000);
	a->export_w = world_range(w, 0, 2000);
	a->grace_ms = one_of(w, grace, ARRAY_SIZE(grace));
	c->source[SOURCE_PORTAL].stale_ms = c->source[SOURCE_LOCAL].stale_ms +
					    world_range(w, 0, 30000);
	a->grace_ms = min_i32(a->grace_ms, c->source[SOURCE_LOCAL].stale_ms - 1);
	a->hold_ms = world_range(w, 0, 60000);
	a->cross_w = world_range(w, 0, 500);
	a->cross_ms = one_of(w, grace, ARRAY_SIZE(grace));
	a->cross_hold_ms = a->hold_ms + world_range(w, 0, 60000);
	a->rise_ma_s = world_range(w, 10, 2000);
	a->fall_ma_s = world_range(w, 2000, 100000);
	core_config_damping(c, (enum damping_preset)world_pick(w, 3));
}

static void random_settings(struct world *w, struct core_config *c)
{
	static const int32_t poll[] = {100, 250, 500, 1000};
	static const int32_t stale[] = {1000, 2000, 3000, 5000, 10000};
	static const int32_t period[] = {1000, 5000, 5000, 10000, 20000};
	static const int32_t slot[] = {1, 5, 10, 10, 20, 33, 100};
	static const int32_t set[] = {200, 500, 1000, 1000};
	static const int32_t rise[] = {100, 1000, 1000, 10000, 100000};
	static const int32_t calm[] = {0, 500, 5000, 30000};

	c->poll_ms = one_of(w, poll, ARRAY_SIZE(poll));
	c->stale_ms = one_of(w, stale, ARRAY_SIZE(stale));
	c->trip_ms = c->stale_ms + (world_pick(w, 2) == 0 ? 2000 : world_range(w, 2000, 12000));
	c->period_us = one_of(w, period, ARRAY_SIZE(period));
	c->slot_ms = one_of(w, slot, ARRAY_SIZE(slot));
	c->set_ms = one_of(w, set, ARRAY_SIZE(set));
	if (world_pick(w, 5) == 0) {
		/* The slots fill the set: nothing is left to wait for confirmations. */
		c->slot_ms = 33;
		c->set_ms = 200;
	}
	c->rise_ma_s = one_of(w, rise, ARRAY_SIZE(rise));
	c->calm_ms = one_of(w, calm, ARRAY_SIZE(calm));
	c->probes = (enum probes)world_pick(w, 3);
	c->profile = pylon_profile_at(world_pick(w, 3));
	c->expect_alive = (enum expect_alive)world_pick(w, 3);
	c->on_trip = (enum on_trip)world_pick(w, 2);
	c->open_ms = world_pick(w, 2) == 0 ? 30000 : world_range(w, 1000, 60000);
	c->weld_check = world_pick(w, 4) != 0;
	c->full_rule = (enum full_rule)world_pick(w, 2);
	c->send_305 = world_pick(w, 4) == 0;
	c->force_charge = world_pick(w, 4) == 0;
	c->force_charge_soc = world_range(w, 0, 40);
	c->overdischarge_soc = c->force_charge_soc + world_range(w, 2, 20);
	c->max_ma[DIR_CHARGE] = world_range(w, 0, world_pick(w, 8) == 0 ? 300 : 120000);
	c->max_ma[DIR_DISCHARGE] = world_range(w, 0, 120000);
	c->max_explicit[DIR_CHARGE] = world_pick(w, 2) == 0;
	c->max_explicit[DIR_DISCHARGE] = world_pick(w, 2) == 0;
	c->max_c_rate_pm = world_range(w, 10, 1000);
	c->ratchet = world_pick(w, 2) == 0;
	c->absorption_ms = world_range(w, 0, 60000);
	c->absorption_max_ms = 60000;
	c->allow_full_charge = world_pick(w, 2) == 0;
	random_house(w, c);
}

void world_config(struct world *w)
{
	struct config_fault fault;

	for (uint32_t i = 0; i < TRIES; i++) {
		struct core_config c;

		core_config_default(&c);
		core_config_preset(&c, (enum preset)world_pick(w, 2));
		random_settings(w, &c);
		random_levels(w, &c);
		random_curves(w, &c);
		if (core_config_check(&c, &fault) == 0) {
			w->config = c;
			return;
		}
	}
}
