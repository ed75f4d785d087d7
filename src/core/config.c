/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and presets. The rules between settings are in config_check.c. */
#include "core/config.h"

#include "base/units.h"

#define A  1000 /* mA */
#define C  10	/* 0.1 degC */
#define CR 1000 /* permille of the capacity per hour */

/* Default envelope for LFP cells: x in mV or 0.1 degC, y in permille or permille of 1 C. */
static const struct curve lfp[CURVES] = {
	[CURVE_CHARGE_CELL_HIGH] = {.count = 5,
				    .unit = CURVE_PERMILLE,
				    .x = {3375, 3400, 3450, 3500, 3550},
				    .y = {1000, 500, 250, 30, 0}},
	[CURVE_CHARGE_CELL_LOW] = {.count = 4,
				   .unit = CURVE_PERMILLE,
				   .x = {2000, 2500, 2800, 3000},
				   .y = {0, 50, 250, 1000}},
	[CURVE_DISCHARGE_CELL_LOW] = {.count = 5,
				      .unit = CURVE_PERMILLE,
				      .x = {2900, 2950, 3000, 3100, 3200},
				      .y = {0, 100, 400, 800, 1000}},
	[CURVE_CHARGE_COLD] = {.count = 4,
			       .unit = CURVE_C_RATE,
			       .x = {0, 5 * C, 10 * C, 20 * C},
			       .y = {0, 12 * CR / 100, 30 * CR / 100, 50 * CR / 100}},
	[CURVE_CHARGE_HOT] = {.count = 4,
			      .unit = CURVE_PERMILLE,
			      .x = {40 * C, 45 * C, 50 * C, 55 * C},
			      .y = {1000, 500, 250, 0}},
	[CURVE_DISCHARGE_TEMP] = {.count = 8,
				  .unit = CURVE_PERMILLE,
				  .x = {-20 * C, -10 * C, 0, 5 * C, 45 * C, 50 * C, 55 * C, 60 * C},
				  .y = {0, 250, 500, 1000, 1000, 500, 250, 0}},
	[CURVE_MOS] = {.count = 3,
		       .unit = CURVE_PERMILLE,
		       .x = {70 * C, 80 * C, 90 * C},
		       .y = {1000, 250, 0}},
};

/*
 * Step tables of the original script: a row holds from its voltage on upwards, the first row also
 * below. Three things differ, all towards less current: the script left the charge limit as it was
 * below 2.7 V, here it is 0; the low rows of its charge table are applied to the lowest cell; and
 * the 10 A row of the discharge table begins 1 mV above 2.9 V, because the lowest cell is at its
 * limit there.
 */
static const struct curve seed_charge_cell_high = {.count = 5,
						   .step = true,
						   .unit = CURVE_MA,
						   .x = {3000, 3450, 3470, 3500, 3550},
						   .y = {60 * A, 30 * A, 15 * A, 2 * A, 0}};
static const struct curve seed_charge_cell_low = {.count = 3,
						  .step = true,
						  .unit = CURVE_MA,
						  .x = {2000, 2700, 3000},
						  .y = {0, 30 * A, 60 * A}};
static const struct curve seed_discharge_cell_low = {.count = 5,
						     .step = true,
						     .unit = CURVE_MA,
						     .x = {2000, 2901, 3000, 3100, 3300},
						     .y = {0, 10 * A, 30 * A, 50 * A, 60 * A}};

/* warn, limit, critical */
static const struct level default_levels[LEVELS] = {
	[LEVEL_CELL_HIGH] = {3500, 3550, 3700},
	[LEVEL_CELL_LOW] = {3000, 2900, 2500},
	[LEVEL_CHARGE_COLD] = {5 * C, 0, -5 * C},
	[LEVEL_CHARGE_HOT] = {45 * C, 55 * C, 60 * C},
	[LEVEL_DISCHARGE_COLD] = {0, -20 * C, -25 * C},
	[LEVEL_DISCHARGE_HOT] = {45 * C, 60 * C, 65 * C},
	[LEVEL_MOS_HOT] = {75 * C, 90 * C, 100 * C},
};

/* The original's: at least 4 of 10 beyond 150 W on each side, both limits / 3, a minute each. */
static const struct damping_config dampings[] = {
	[DAMPING_SMOOTH] = {.of_flow = true,
			    .samples = 60,
			    .window_ms = 60 * 1000,
			    .band_w = 150,
			    .each = 4,
			    .swings = 4,
			    .keep_pm = 600,
			    .step_ms = 10 * 1000,
			    .least_ma = 1 * A,
			    .hold_ms = 60 * 1000,
			    .double_ms = 60 * 1000},
	[DAMPING_SEED] = {.of_flow = false,
			  .samples = 10,
			  .window_ms = 60 * 1000,
			  .band_w = 150,
			  .each = 4,
			  .swings = 1,
			  .keep_pm = 333,
			  .step_ms = 60 * 1000,
			  .least_ma = 1 * A,
			  .hold_ms = 60 * 1000,
			  .double_ms = 60 * 1000},
};

static const struct core_config defaults = {
	.poll_ms = 250,
	.stale_ms = 3000,
	.trip_ms = 10000,
	.probes = PROBES_AUTO,
	.expect_alive = EXPECT_ALIVE_OPTIONAL,
	.set_ms = 1000,
	.slot_ms = 10,
	.force_charge_soc = 10,
	.overdischarge_soc = 20,
	.send_305 = false,
	.force_charge = false,
	.modules = 1,
	.full_rule = FULL_BY_PHASE,
	.max_ma = {60 * A, 60 * A},
	.max_explicit = {false, false},
	.max_c_rate_pm = CR / 2,
	.ratchet = true,
	.rise_ma_s = 1 * A,
	.calm_ms = 30000,
	.obey_margin_ma = 8 * A,
	.obey_margin_pm = 200,
	.dvl_mv = 3000,
	.bulk_mv = 3450,
	.float_mv = 3375,
	.cvl_max_mv = 3500,
	.cvl_slew_mv_s = 1,
	.absorption_ms = 900 * 1000,
	.absorption_max_ms = 2 * 3600 * 1000,
	.spread_full_mv = 10,
	.spread_steady_mv = 3,
	.rebulk_soc = 80,
	.rebulk_spread_mv = 80,
	.rebulk_days = 14,
	.on_trip = ON_TRIP_HOLD_STOP,
	.open_ms = 30000,
	.weld_check = true,
	.source = {[SOURCE_GRID] = {.stale_ms = 15 * 1000},
		   [SOURCE_LOCAL] = {.stale_ms = 60 * 1000},
		   [SOURCE_PORTAL] = {.stale_ms = 900 * 1000}},
	.arbiter = {.interlock = true,
		    .cross = true,
		    .peer_charge_ma = 8 * A,
		    .peer_discharge_ma = 1200,
		    .import_w = 700,
		    .export_w = 100,
		    .grace_ms = 1000,
		    .hold_ms = 60000,
		    .cross_w = 12,
		    .cross_ms = 1000,
		    .cross_hold_ms = 3600 * 1000,
		    .ahead_w = 100,
		    .rise_ma_s = 150,
		    .fall_ma_s = 10 * A},
	.allow_full_charge = false,
	.period_us = 5000,
};

void core_config_default(struct core_config *ret_config)
{
	*ret_config = defaults;
	ret_config->profile = pylon_profile_at(0);
	core_config_preset(ret_config, PRESET_LFP);
	core_config_damping(ret_config, DAMPING_SMOOTH);
	for (uint32_t i = 0; i < LEVELS; i++) {
		ret_config->level[i] = default_levels[i];
	}
}

void core_config_preset(struct core_config *config, enum preset preset)
{
	for (uint32_t i = 0; i < CURVES; i++) {
		config->curve[i] = lfp[i];
	}
	if (preset == PRESET_SEED) {
		config->curve[CURVE_CHARGE_CELL_HIGH] = seed_charge_cell_high;
		config->curve[CURVE_CHARGE_CELL_LOW] = seed_charge_cell_low;
		config->curve[CURVE_DISCHARGE_CELL_LOW] = seed_discharge_cell_low;
	}
}

void core_config_damping(struct core_config *config, enum damping_preset preset)
{
	/* Off shows the numbers that would apply. */
	config->damping = dampings[preset == DAMPING_OFF ? DAMPING_SMOOTH : preset];
	config->damping.preset = preset;
}
