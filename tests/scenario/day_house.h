/* SPDX-License-Identifier: Apache-2.0 */
/* A house for a day: battery, sun, loads and an inverter that does what the bus says, 2 s late. */
#ifndef JKP_TESTS_DAY_HOUSE_H
#define JKP_TESTS_DAY_HOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bench.h"

#define HOUSE_CELLS   16U
#define HOUSE_DELAY_S 2U

/* What the inverter hears in one second. */
struct house_order {
	int32_t ccl_ma;
	int32_t dcl_ma;
	int32_t cvl_mv;
	uint8_t enables;
};

/* Sums over a period, Ws. */
struct house_energy {
	int64_t sun;
	int64_t load;
	int64_t charged;
	int64_t discharged;
	int64_t grid;
	int64_t curtailed;
};

/**
 * struct house - caller-owned
 * @charge_mas: charge in each cell, mA s
 * @voltage_ma: what the voltage control of the inverter lets through
 */
struct house {
	int64_t charge_mas[HOUSE_CELLS];
	struct house_order order[HOUSE_DELAY_S + 1U];
	int32_t voltage_ma;
	int32_t flow_ma;
	int32_t pack_mv;
	struct house_energy energy;
};

/* @soc_pct: state of charge at the beginning. */
void house_init(struct house *h, int32_t soc_pct);

/**
 * house_second - one second of the day
 * @h: house
 * @second: second of the day
 * @order: newest word of the bus
 * @relay: the battery is connected
 * @bat: receives what the BMS reports
 */
void house_second(struct house *h, int32_t second, const struct house_order *order, bool relay,
		  struct bench_battery *bat);

#endif
