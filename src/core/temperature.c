/* SPDX-License-Identifier: Apache-2.0 */
#include "core/temperature.h"

#include "base/units.h"

#define DC_PER_C 10

void temperature_init(struct temperature *t)
{
	for (uint32_t i = 0; i < TEMPERATURE_SENSORS; i++) {
		t->sensor[i] = (struct temperature_memory){
			.t_ns = TIME_NEVER,
			.leap_ns = TIME_NEVER,
		};
	}
}

/*
 * Raw r >= 100 means 100 - r (cold) or, perhaps, +r (hot). Measured from a reading v the hot meaning
 * is r - v away, the cold one v + r - 100: hot is the nearer one for v > 50, whatever r is, and at
 * 50 both are as near. So v >= 50 degC makes it hot. A reading stays comparable for 60 s; after
 * that, and at the start, the document applies: a pack that lies in the frost must not be taken
 * for one that burns.
 *
 * One exception. Around 0 degC the BMS sends single readings of about 50: it averages 0 and 100,
 * the two sides of its own wrap. Such a reading is a leap, and the next one leaps back. If the hot
 * meaning would be a second leap, and the cold one goes on where the readings were before the
 * first, it is cold. A sensor that gets hot does not leap at 50 degC.
 */
static bool is_hot(const struct temperature_memory *m, int64_t t_ns, int32_t hot_dc,
		   int32_t cold_dc)
{
	if (m->t_ns == TIME_NEVER || t_ns - m->t_ns > TEMPERATURE_MEMORY_NS ||
	    m->dc < TEMPERATURE_HOT_DC) {
		return false;
	}
	const bool leapt = m->leap_ns != TIME_NEVER && t_ns - m->leap_ns <= TEMPERATURE_LEAP_NS;
	const bool leaps_on = hot_dc - m->dc > TEMPERATURE_LEAP_DC;
	const bool goes_back = abs_i32(cold_dc - m->before_dc) <= TEMPERATURE_BACK_DC;

	return !(leapt && leaps_on && goes_back);
}

static void remember(struct temperature_memory *m, int64_t t_ns, int32_t dc)
{
	const bool known = m->t_ns != TIME_NEVER && t_ns - m->t_ns <= TEMPERATURE_MEMORY_NS;

	if (!known) {
		m->leap_ns = TIME_NEVER;
	} else if (abs_i32(dc - m->dc) > TEMPERATURE_LEAP_DC) {
		m->leap_ns = t_ns;
		m->before_dc = m->dc;
	}
	m->t_ns = t_ns;
	m->dc = dc;
}

/* @floor_dc may be NULL. */
static void resolve(struct temperature_memory *m, int64_t t_ns, uint16_t raw, int32_t *dc,
		    int32_t *floor_dc)
{
	const int32_t hot_dc = raw * DC_PER_C;

	if (jk_temp_ambiguous(raw) && is_hot(m, t_ns, hot_dc, *dc)) {
		*dc = hot_dc;
		if (floor_dc != NULL) {
			*floor_dc = hot_dc;
		}
	}
	remember(m, t_ns, *dc);
}

void temperature_resolve(struct temperature *t, struct sample *s)
{
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		if (s->probe_valid[i]) {
			resolve(&t->sensor[i], s->t_ns, s->probe_raw[i], &s->probe_dc[i],
				&s->probe_floor_dc[i]);
		}
	}
	if (s->mos_valid) {
		resolve(&t->sensor[SAMPLE_PROBES], s->t_ns, s->mos_raw, &s->mos_dc, NULL);
	}
}
