/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a house of four uses in a day, and what 5 kW of panels give. Powers and times of the devices
 * are those on their type plates and in their manuals, rounded; how they are spread over the day is
 * assumed. Fast loads matter here: they are what sets two controllers swinging.
 */
#include <math.h>
#include <string.h>

#include "sim_house.h"

#define HOUR	 3600.0
#define MINUTE	 60.0
#define BASE_W	 220.0
#define FRIDGE_W 90.0
#define KETTLE_W 2000.0
#define KETTLE_S 180.0
#define HOB_W	 1800.0
#define HOB_S	 (35.0 * MINUTE)
#define WASH_W	 2000.0 /* heater */
#define HEAT_S	 (14.0 * MINUTE)
#define WASH_S	 (75.0 * MINUTE)
#define DRUM_W	 350.0
#define SUN_W	 5000.0
#define SUN_RISE (6.0 * HOUR)
#define SUN_SET	 (20.0 * HOUR)
#define CLOUD_S	 5.0 /* time constant of a shadow's edge */

void house_load_init(struct house_load *l, uint32_t seed)
{
	static const double kettle_h[] = {6.5, 9.0, 13.0, 16.0, 19.0, 21.5};

	memset(l, 0, sizeof(*l));
	sim_random_init(&l->random, seed * 2654435761U + 1U);
	for (int i = 0; i < 8; i++) {
		(void)sim_random_next(&l->random);
	}
	for (int i = 0; i < 6; i++) {
		l->kettle_s[i] = (kettle_h[i] + sim_random_pm(&l->random)) * HOUR;
	}
	l->hob_s[0] = (12.0 + 0.5 * sim_random_pm(&l->random)) * HOUR;
	l->hob_s[1] = (18.5 + 0.5 * sim_random_pm(&l->random)) * HOUR;
	l->wash_s = (10.0 + 2.0 * sim_random_pm(&l->random)) * HOUR;
	l->fridge_s = sim_random_unit(&l->random) * HOUR;
	l->base_w = BASE_W;
	l->cloud = 1.0;
	l->cloud_to = 1.0;
}

static bool within(double t_s, double from_s, double length_s)
{
	return t_s >= from_s && t_s < from_s + length_s;
}

/* A thermostat of a hob: on and off for 6 to 20 s. */
static double hob_w(struct house_load *l, double t_s)
{
	if (!within(t_s, l->hob_s[0], HOB_S) && !within(t_s, l->hob_s[1], HOB_S)) {
		return 0.0;
	}
	if (t_s >= l->hob_until_s) {
		l->hob_on = !l->hob_on;
		l->hob_until_s = t_s + 6.0 + 14.0 * sim_random_unit(&l->random);
	}
	return l->hob_on ? HOB_W : 0.0;
}

/* A washing machine: heats, then turns its drum one way and the other with pauses. */
static double wash_w(struct house_load *l, double t_s)
{
	if (!within(t_s, l->wash_s, WASH_S)) {
		return 0.0;
	}
	if (t_s >= l->drum_until_s) {
		l->drum_on = !l->drum_on;
		l->drum_until_s = t_s + (l->drum_on ? 12.0 : 5.0);
	}
	return (within(t_s, l->wash_s + 4.0 * MINUTE, HEAT_S) ? WASH_W : 0.0) +
	       (l->drum_on ? DRUM_W : 0.0);
}

static void step_sun(struct house_load *l, double t_s)
{
	const double day = (t_s - SUN_RISE) / (SUN_SET - SUN_RISE);

	if (t_s >= l->cloud_until_s) {
		/* Half the time clear, otherwise anything down to a quarter. */
		l->cloud_to = sim_random_unit(&l->random) < 0.5
				      ? 1.0
				      : 0.25 + 0.75 * sim_random_unit(&l->random);
		l->cloud_until_s = t_s + 20.0 + 400.0 * sim_random_unit(&l->random);
	}
	l->cloud += (l->cloud_to - l->cloud) * HOUSE_DT_S / CLOUD_S;
	l->sun_w = day > 0.0 && day < 1.0 ? SUN_W * sin(M_PI * day) * l->cloud : 0.0;
}

void house_load_step(struct house_load *l, double t_s)
{
	double w = hob_w(l, t_s) + wash_w(l, t_s);

	/* Lights, computers, pumps: wanders between 120 and 600 W. */
	l->base_w += (BASE_W - l->base_w) * HOUSE_DT_S / (10.0 * MINUTE) +
		     12.0 * sim_random_pm(&l->random) * sqrt(HOUSE_DT_S);
	l->base_w = fmin(fmax(l->base_w, 120.0), 600.0);
	w += l->base_w;
	w += fmod(t_s + l->fridge_s, HOUR) < 15.0 * MINUTE ? FRIDGE_W : 0.0;
	for (int i = 0; i < 6; i++) {
		w += within(t_s, l->kettle_s[i], KETTLE_S) ? KETTLE_W : 0.0;
	}
	l->load_w = w;
	step_sun(l, t_s);
}
