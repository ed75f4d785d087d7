/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of the original script as its newest version has it: steered by the current of the other
 * battery's cable (A, + = charging) and the meter (W, + = export), one pass every 1.05 s. Two things
 * are in its favour here: it sees every value at once, where the real one fell behind its meter by up
 * to three minutes, and its battery data never fail. Its gate is as it was: once a minute it opens
 * for one pass, whether an oscillation was found or not, and one found in another pass has no effect.
 */
#include <math.h>
#include <string.h>

#include "sim_house.h"

#define PASS_S	    1.05
#define TICK_S	    5.0
#define GATE_S	    60.0
#define RAISE_S	    2700.0
#define H_RING	    6
#define M_RING	    10
#define BAND_W	    150.0
#define EACH	    4
#define UNCHANGED_A (-1.0)

void house_seed_init(struct house_seed *s)
{
	memset(s, 0, sizeof(*s));
	s->lowered_s = -RAISE_S;
	s->next_s = -1e9;
	s->tick_s = -1e9;
	s->gate_s = -1e9;
}

static double average(const double *ring, int count)
{
	double sum = 0.0;

	for (int i = 0; i < count; i++) {
		sum += ring[i];
	}
	return count > 0 ? round(sum / count * 10.0) / 10.0 : 0.0;
}

/* Newest last. */
static void push(double *ring, int size, int *count, double value)
{
	if (*count == size) {
		memmove(ring, ring + 1, (size_t)(size - 1) * sizeof(*ring));
		(*count)--;
	}
	ring[(*count)++] = value;
}

static double table_charge(double high_v)
{
	static const double row[][2] = {{3.44, 0.0}, {3.42, 30.0}, {3.20, 60.0}, {2.70, 20.0}};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (high_v >= row[i][0]) {
			return row[i][1];
		}
	}
	return UNCHANGED_A;
}

static void step_caps(struct house_seed *s, double t_s, const struct sim_battery *b, double soc_pct,
		      bool oscillates)
{
	const double low_v = sim_battery_min_v(b, NULL);
	const double high_v = sim_battery_max_v(b, NULL);
	const double d = low_v <= 3.15 ? 0.0 : (low_v <= 3.60 ? 60.0 : UNCHANGED_A);
	const double c = table_charge(high_v);

	if (d >= 0.0 && (d < s->discharge_cap_a || soc_pct > 40.0)) {
		s->discharge_cap_a = d;
	}
	if (c >= 0.0 && c < s->charge_cap_a) {
		s->charge_cap_a = c;
		s->lowered_s = t_s;
	} else if (c > s->charge_cap_a && soc_pct <= 99.0 && high_v < 3.40 && !oscillates &&
		   t_s - s->lowered_s >= RAISE_S) {
		s->charge_cap_a = c;
	}
}

static void step_discharge(struct house_seed *s, double h_a, double m_w, bool tick)
{
	if (h_a > 2.0) {
		s->dcl_a = fmax(s->dcl_a - 1.0, 0.0);
	} else {
		s->dcl_a += s->dcl_a < s->discharge_cap_a ? 1.0 : 0.0;
		s->dcl_a += tick && s->dcl_a < s->discharge_cap_a ? 2.0 : 0.0;
	}
	if (m_w < -700.0) {
		s->dcl_a = s->discharge_cap_a;
	}
	s->dcl_a = fmin(s->dcl_a, s->discharge_cap_a);
}

static void step_charge(struct house_seed *s, double h_a, double m_w, double pack_v, bool tick)
{
	const double last_h = s->h_a[s->h_count - 1];
	const double last_m = s->m_w[s->m_count - 1];

	if ((h_a > 10.0 && last_h > 10.0) || m_w > 100.0) {
		if (tick && s->ccl_a < s->charge_cap_a) {
			if (last_m > 4000.0 || (last_m <= 2000.0 && m_w > 4000.0)) {
				s->ccl_a = s->charge_cap_a;
			} else if (last_m > 2000.0) {
				s->ccl_a += 10.0;
			} else if (m_w > 2000.0) {
				s->ccl_a += 1.0 + floor(m_w / pack_v);
			} else {
				s->ccl_a += 1.0;
			}
		}
	} else if (h_a <= -12.0) {
		s->ccl_a -= 2.0;
	} else if (h_a <= -4.0 || (h_a <= 10.0 && last_h < 10.0)) {
		s->ccl_a -= 1.0;
	}
	s->ccl_a = fmax(fmin(s->ccl_a, s->charge_cap_a), 0.0);
}

static bool find_oscillation(struct house_seed *s)
{
	int above = 0;
	int below = 0;

	for (int i = 0; i < s->m_count; i++) {
		above += s->m_w[i] > BAND_W ? 1 : 0;
		below += s->m_w[i] < -BAND_W ? 1 : 0;
	}
	if (above < EACH || below < EACH) {
		return false;
	}
	s->m_count = 0;
	s->seen++;
	return true;
}

void house_seed_step(struct house_seed *s, double t_s, double goodwe_a, double grid_w,
		     const struct sim_battery *battery, double soc_pct)
{
	if (t_s < s->next_s) {
		return;
	}
	s->next_s = t_s + PASS_S;
	push(s->h_a, H_RING, &s->h_count, goodwe_a);
	push(s->m_w, M_RING, &s->m_count, -grid_w);

	const double h_a = average(s->h_a, s->h_count);
	const double m_w = average(s->m_w, s->m_count);
	const bool tick = t_s - s->tick_s > TICK_S;
	const bool gate = t_s - s->gate_s >= GATE_S;

	s->tick_s = tick ? t_s : s->tick_s;
	s->gate_s = gate ? t_s : s->gate_s;
	step_discharge(s, h_a, m_w, tick);
	step_charge(s, h_a, m_w, sim_battery_pack_v(battery), tick);

	const bool found = find_oscillation(s);

	if (found && gate) {
		s->dcl_a = floor(s->dcl_a / 3.0);
		s->ccl_a = floor(s->ccl_a / 3.0);
		s->reduced++;
	}
	step_caps(s, t_s, battery, soc_pct, found);
	s->ccl_a = fmin(s->ccl_a, s->charge_cap_a);
	s->dcl_a = fmin(s->dcl_a, s->discharge_cap_a);
}
