/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two test programs of the envelope share: a pack of 400 Ah whose OCPs are far away, so that
 * the maximum is the configured 60 A and one permille is 60 mA. Nothing limits it.
 */
#ifndef JKP_TESTS_ENVELOPE_TEST_H
#define JKP_TESTS_ENVELOPE_TEST_H

#include "core/envelope.h"
#include "core_test.h"

#define MAX_MA 60000

static struct core_config config;

static inline struct envelope_in healthy(void)
{
	return (struct envelope_in){
		.cell_min_mv = 3300,
		.cell_max_mv = 3300,
		.cold_dc = 250,
		.hot_dc = 250,
		.mos_dc = 300,
		.mosfet = {true, true},
		.valid = true,
		.probes_ok = true,
		.bms = {.pack_ovp_mv = 4000,
			.pack_uvp_mv = 1500,
			.box_otp_dc = 1000,
			.cell_ovp_mv = 4000,
			.cell_uvp_mv = 1500,
			.ocp_ma = {500000, 500000},
			.otp_dc = {1000, 1000},
			.utp_dc = {-400, -400},
			.mos_otp_dc = 1500,
			.capacity_mah = 400000},
	};
}

static inline int32_t ceiling(const struct envelope_in *in, enum dir dir)
{
	uint32_t rule = RULE_NONE;

	return envelope_eval(&config, in, dir, &rule, NULL);
}

static inline uint32_t rule_of(const struct envelope_in *in, enum dir dir)
{
	uint32_t rule = RULE_NONE;

	(void)envelope_eval(&config, in, dir, &rule, NULL);
	return rule;
}

static inline int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	return 0;
}

enum input {
	IN_CELL_MAX,
	IN_CELL_MIN,
	IN_COLD,
	IN_HOT,
	IN_BOTH_PROBES,
	IN_MOS,
};

static inline void set_input(struct envelope_in *in, enum input which, int32_t v)
{
	switch (which) {
	case IN_CELL_MAX:
		in->cell_max_mv = v;
		break;
	case IN_CELL_MIN:
		in->cell_min_mv = v;
		break;
	case IN_COLD:
		in->cold_dc = v;
		break;
	case IN_HOT:
		in->hot_dc = v;
		break;
	case IN_BOTH_PROBES:
		in->cold_dc = v;
		in->hot_dc = v;
		break;
	case IN_MOS:
		in->mos_dc = v;
		break;
	default:
		fail();
	}
}

#endif
