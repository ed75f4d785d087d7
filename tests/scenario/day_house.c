/* SPDX-License-Identifier: Apache-2.0 */
#include "day_house.h"

#include <string.h>

#define CAPACITY_AH   100
#define CAPACITY_MAS  (INT64_C(3600000) * CAPACITY_AH)
#define RESIST_UOHM   500
#define DRIFT_MAS     (36 * 1000) /* cells differ by steps of 10 mAh */
#define BLEED_MA      500
#define BLEED_FROM_MV 3400
#define BLEED_OVER_MV 5
#define STEP_MA	      2000 /* of the voltage control, a second */
#define CHARGE_ON     0x80U
#define DISCHARGE_ON  0x40U
#define HOUR_S	      3600

struct point {
	int32_t x;
	int32_t y;
};

/* Open circuit voltage of an LFP cell, mV, by charge in 1/10000. */
static const struct point ocv[] = {
	{0, 2500},    {100, 2800},  {300, 2980},   {500, 3060},	  {1000, 3180}, {2000, 3240},
	{3000, 3275}, {4000, 3290}, {6000, 3300},  {7000, 3325},  {9000, 3335}, {9500, 3345},
	{9800, 3370}, {9900, 3420}, {10000, 3500}, {10100, 3700},
};

/* By second of the day: sun and load in W, probe in degrees Celsius. */
static const struct point sun[] = {
	{6 * HOUR_S, 0},     {7 * HOUR_S, 200},	  {8 * HOUR_S, 900},   {9 * HOUR_S, 1900},
	{10 * HOUR_S, 2900}, {11 * HOUR_S, 3600}, {12 * HOUR_S, 4000}, {13 * HOUR_S, 4000},
	{14 * HOUR_S, 3600}, {15 * HOUR_S, 2800}, {16 * HOUR_S, 1900}, {17 * HOUR_S, 900},
	{18 * HOUR_S, 200},  {19 * HOUR_S, 0},
};
static const struct point load[] = {
	{0, 260},
	{6 * HOUR_S, 240},
	{7 * HOUR_S, 900},
	{8 * HOUR_S, 500},
	{12 * HOUR_S, 800},
	{14 * HOUR_S, 450},
	{17 * HOUR_S, 700},
	{18 * HOUR_S, 1600},
	{19 * HOUR_S, 2300},
	{21 * HOUR_S, 1500},
	{22 * HOUR_S, 700},
	{24 * HOUR_S, 300},
};
static const struct point warmth[] = {
	{0, 6},
	{2 * HOUR_S, 4},
	{5 * HOUR_S, 2},
	{8 * HOUR_S, 3},
	{10 * HOUR_S, 5},
	{11 * HOUR_S, 14},
	{14 * HOUR_S, 24},
	{18 * HOUR_S, 20},
	{24 * HOUR_S, 12},
};

static int32_t between(const struct point *p, uint32_t count, int32_t x)
{
	uint32_t i = 1;

	if (x <= p[0].x) {
		return p[0].y;
	}
	while (i < count && p[i].x < x) {
		i++;
	}
	if (i == count) {
		return p[count - 1U].y;
	}
	return p[i - 1U].y + (int32_t)((int64_t)(p[i].y - p[i - 1U].y) * (x - p[i - 1U].x) /
				       (p[i].x - p[i - 1U].x));
}

void house_init(struct house *h, int32_t soc_pct)
{
	memset(h, 0, sizeof(*h));
	h->pack_mv = 52800;
	for (uint32_t i = 0; i < HOUSE_CELLS; i++) {
		const int32_t place = (int32_t)(i * 7U % HOUSE_CELLS) - (int32_t)HOUSE_CELLS / 2;

		h->charge_mas[i] = CAPACITY_MAS * soc_pct / 100 + place * DRIFT_MAS;
	}
}

static int32_t cell_mv(const struct house *h, uint32_t i)
{
	const int32_t share = (int32_t)(h->charge_mas[i] * 10000 / CAPACITY_MAS);
	const int32_t drop_mv = (int32_t)((int64_t)h->flow_ma * RESIST_UOHM / 1000000);

	return between(ocv, ARRAY_SIZE(ocv), share) + drop_mv;
}

/* A kettle or an oven at three times of the day. */
static int32_t load_w(int32_t second)
{
	const bool kettle = (second >= 7 * HOUR_S + 900 && second < 7 * HOUR_S + 1200) ||
			    (second >= 12 * HOUR_S + 300 && second < 12 * HOUR_S + 1500) ||
			    (second >= 20 * HOUR_S && second < 20 * HOUR_S + 600);

	return between(load, ARRAY_SIZE(load), second) + (kettle ? 2000 : 0);
}

/* What the inverter makes of the surplus, by orders that are 2 s old. */
static int32_t inverter_ma(struct house *h, int32_t surplus_ma, const struct house_order *o)
{
	const int32_t in_ma = (o->enables & CHARGE_ON) != 0 ? o->ccl_ma : 0;
	const int32_t out_ma = (o->enables & DISCHARGE_ON) != 0 ? o->dcl_ma : 0;

	/* Constant voltage: less as soon as the pack is above CVL, slowly more below it. */
	h->voltage_ma += h->pack_mv > o->cvl_mv		? -STEP_MA
			 : h->pack_mv < o->cvl_mv - 100 ? STEP_MA / 4
							: 0;
	h->voltage_ma = clamp_i32(h->voltage_ma, 0, 100000);
	if (surplus_ma >= 0) {
		return min_i32(min_i32(surplus_ma, in_ma), h->voltage_ma);
	}
	return max_i32(surplus_ma, -out_ma);
}

static void move_charge(struct house *h)
{
	int32_t lowest = INT32_MAX;

	for (uint32_t i = 0; i < HOUSE_CELLS; i++) {
		lowest = min_i32(lowest, cell_mv(h, i));
	}
	for (uint32_t i = 0; i < HOUSE_CELLS; i++) {
		const int32_t mv = cell_mv(h, i);
		const bool bleed = mv > BLEED_FROM_MV && mv > lowest + BLEED_OVER_MV;

		h->charge_mas[i] += h->flow_ma - (bleed ? BLEED_MA : 0);
		h->charge_mas[i] = max_i64(h->charge_mas[i], 0);
	}
}

static void count_energy(struct house *h, int32_t sun_w, int32_t use_w)
{
	const int32_t battery_w = (int32_t)((int64_t)h->flow_ma * h->pack_mv / 1000000);
	const int32_t rest_w = sun_w - use_w - battery_w;

	h->energy.sun += sun_w;
	h->energy.load += use_w;
	h->energy.charged += max_i32(battery_w, 0);
	h->energy.discharged += max_i32(-battery_w, 0);
	h->energy.grid += max_i32(-rest_w, 0);
	h->energy.curtailed += max_i32(rest_w, 0);
}

static void report(const struct house *h, int32_t second, struct bench_battery *bat)
{
	const int32_t warm_c = between(warmth, ARRAY_SIZE(warmth), second);
	int64_t sum_mas = 0;

	for (uint32_t i = 0; i < HOUSE_CELLS; i++) {
		bat->cell_mv[i] = sat_u16(cell_mv(h, i));
		sum_mas += h->charge_mas[i];
	}
	bat->pack_mv = h->pack_mv;
	bat->pack_ma = h->flow_ma;
	bat->soc_pct = (uint8_t)clamp_i32(
		(int32_t)(sum_mas * 100 / (int64_t)HOUSE_CELLS / CAPACITY_MAS), 1, 100);
	bat->box_raw = (uint16_t)(warm_c + 2);
	bat->battery_raw = (uint16_t)warm_c;
	bat->mos_raw = (uint16_t)(warm_c + 5 + abs_i32(h->flow_ma) / 5000);
	bat->capacity_ah = CAPACITY_AH;
	bat->runtime_min = (uint32_t)second; /* counts: no two replies are alike by themselves */
}

void house_second(struct house *h, int32_t second, const struct house_order *order, bool relay,
		  struct bench_battery *bat)
{
	const int32_t sun_w = between(sun, ARRAY_SIZE(sun), second);
	const int32_t use_w = load_w(second);
	const int32_t surplus_ma = (int32_t)((int64_t)(sun_w - use_w) * 1000000 / h->pack_mv);

	memmove(&h->order[0], &h->order[1], sizeof(h->order[0]) * HOUSE_DELAY_S);
	h->order[HOUSE_DELAY_S] = *order;
	h->flow_ma = relay ? inverter_ma(h, surplus_ma, &h->order[0]) : 0;
	move_charge(h);
	h->pack_mv = 0;
	for (uint32_t i = 0; i < HOUSE_CELLS; i++) {
		h->pack_mv += cell_mv(h, i);
	}
	count_energy(h, sun_w, use_w);
	report(h, second, bat);
}
