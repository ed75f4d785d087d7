/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule behind a limit, in sentences: what was measured, which setting of the configuration it met,
 * what came of it. A rule without a text of its own has its line from the list of rules.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/units.h"
#include "core/curve.h"
#include "core/source.h"
#include "replay.h"
#include "svc/explain.h"

#define PER_CENT_PM   10
#define MS_PER_SECOND 1000
#define TENTH_MS      100
#define SHOW(q, v)    explain_quantity(EXPLAIN_##q, (v), (char[EXPLAIN_TEXT_MAX]){""})
#define SECONDS(ms)   (ms) / MS_PER_SECOND, (ms) % MS_PER_SECOND / TENTH_MS
#define LONG_AGO_MS   (24 * 3600 * MS_PER_SECOND)

/* One explanation under way. */
struct story {
	const struct replay_source *s;
	const struct core_config *config;
	const struct telemetry *t;
	const struct sample *sample;
	enum dir dir;
	uint32_t rule;
	FILE *f;
};

static void say_y(const struct curve *c, int32_t y, FILE *f)
{
	switch (c->unit) {
	case CURVE_MA:
		fprintf(f, "%s", SHOW(MA, y));
		break;
	case CURVE_C_RATE:
		fprintf(f, "%d.%03d x the capacity", y / 1000, y % 1000);
		break;
	case CURVE_PERMILLE:
	default:
		fprintf(f, "%d.%d %% of the maximum", y / PER_CENT_PM, y % PER_CENT_PM);
		break;
	}
}

static void say_point(const struct curve *c, uint32_t i, enum explain_quantity q, FILE *f)
{
	char text[EXPLAIN_TEXT_MAX];

	fprintf(f, "%s ", explain_quantity(q, c->x[i], text));
	say_y(c, c->y[i], f);
}

/* "limits.KEY allows 30 % of the maximum there (3.450 V 25 %, 3.500 V 3 %)" */
static void say_curve(const struct story *w, enum curve_id id, enum explain_quantity q, int32_t x,
		      const char *key)
{
	const struct curve *c = &w->config->curve[id];
	uint32_t above = 0;

	fprintf(w->f, "limits.%s allows ", key);
	say_y(c, curve_eval(c, x), w->f);
	fputs(" there: ", w->f);
	while (above < c->count && c->x[above] <= x) {
		above++;
	}
	if (above > 0U) {
		say_point(c, above - 1U, q, w->f);
	}
	if (above > 0U && above < c->count) {
		fputs(", ", w->f);
	}
	if (above < c->count) {
		say_point(c, above, q, w->f);
	}
	fputs(".\n", w->f);
}

static void say_cell(const struct story *w, bool high)
{
	fprintf(w->f, "The %s cell, number %u, has %s. ", high ? "highest" : "lowest",
		(unsigned int)(high ? w->sample->cell_max_no : w->sample->cell_min_no),
		SHOW(MV, high ? w->sample->cell_max_mv : w->sample->cell_min_mv));
}

/* Coldest or hottest probe. Return: false if there is none. */
static bool find_probe(const struct sample *s, bool cold, int32_t *ret_dc, uint32_t *ret_no)
{
	bool found = false;

	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		const int32_t v = cold ? s->probe_floor_dc[i] : s->probe_dc[i];

		if (s->probe_valid[i] && (!found || (cold ? v < *ret_dc : v > *ret_dc))) {
			*ret_dc = v;
			*ret_no = i + 1U;
			found = true;
		}
	}
	return found;
}

static void say_probe(const struct story *w, bool cold, enum curve_id id, const char *key)
{
	int32_t dc = 0;
	uint32_t no = 0;

	if (!find_probe(w->sample, cold, &dc, &no)) {
		fputs("No temperature probe is valid.\n", w->f);
		return;
	}
	fprintf(w->f, "The battery is %s: temperature probe %u says %s. ", cold ? "cold" : "warm",
		no, SHOW(DC, dc));
	say_curve(w, id, EXPLAIN_DC, dc, key);
}

static void say_discharge_temperature(const struct story *w)
{
	int32_t cold = 0;
	int32_t hot = 0;
	uint32_t no = 0;
	const struct curve *c = &w->config->curve[CURVE_DISCHARGE_TEMP];

	if (find_probe(w->sample, true, &cold, &no) && find_probe(w->sample, false, &hot, &no)) {
		say_probe(w, curve_eval(c, cold) <= curve_eval(c, hot), CURVE_DISCHARGE_TEMP,
			  "discharge_by_temp");
	} else {
		fputs("No temperature probe is valid.\n", w->f);
	}
}

static void say_age(const struct story *w)
{
	if (w->t->age_ms >= LONG_AGO_MS) {
		fputs("No sample of the BMS was there. ", w->f);
	} else {
		fprintf(w->f, "The newest good answer of the BMS was %d.%d s old. ",
			SECONDS(w->t->age_ms));
	}
}

static void say_ladder(const struct story *w)
{
	const struct core_config *c = w->config;

	fprintf(w->f, "The ladder was at %s, reason: %s. ", step_name((int32_t)w->t->step),
		reason_name((int32_t)w->t->reason));
	say_age(w);
	fprintf(w->f,
		"After bms.stale = %d.%d s without one the inverter is told to stop (0 A), after "
		"bms.trip = %d.%d s the relay opens.\n",
		SECONDS(c->stale_ms), SECONDS(c->trip_ms));
	if (w->t->step == STEP_TRIP && w->t->latched == REASON_NONE && w->t->age_ms < c->stale_ms) {
		fprintf(w->f,
			"It answers again: the relay closes once it was open for "
			"failsafe.open_time = %d.%d s.\n",
			SECONDS(c->open_ms));
	}
	if (w->t->latched != REASON_NONE) {
		fprintf(w->f, "A fault is latched: %s. jkpylond --ack clears it.\n",
			reason_name((int32_t)w->t->latched));
	}
}

static void say_caution(const struct story *w)
{
	say_age(w);
	fprintf(w->f,
		"From two thirds of bms.stale = %d.%d s on nothing rises and the limits fall by a "
		"fifth each second; behind it they are 0.\n",
		SECONDS(w->config->stale_ms));
}

/* What would apply if it were not for a slow rise. */
static void say_rise(const struct story *w)
{
	const enum dir d = w->dir;

	fprintf(w->f, "The envelope is %s by %s, but the limit is on its way up: ",
		SHOW(MA, w->t->envelope_ma[d]), rule_name(w->t->envelope_by[d]));
	switch (w->rule) {
	case RULE_RAMP:
		fprintf(w->f,
			"after a fall it waits for limits.calm = %d.%d s and then rises by "
			"limits.rise = %s each second.\n",
			SECONDS(w->config->calm_ms), SHOW(MA, w->config->rise_ma_s));
		break;
	case RULE_RATCHET:
		fputs("limits.ratchet = yes: no rise until the cell is back where its curve allows "
		      "the full current.\n",
		      w->f);
		break;
	case RULE_CONFIRM:
	default:
		fputs("one sample may lower a limit, a rise needs a second one that says the same.\n",
		      w->f);
		break;
	}
}

static void say_lease(const struct story *w, enum command_kind kind, const char *what, bool soc)
{
	if (w->t->lease_left_ms[kind] <= 0) {
		return;
	}
	fprintf(w->f, "Somebody has ordered it (MQTT or a local tool): %s", what);
	if (soc) {
		fprintf(w->f, " %d %%", w->t->lease_value[kind]);
	} else if (kind == COMMAND_LIMIT_CHARGE || kind == COMMAND_LIMIT_DISCHARGE) {
		fprintf(w->f, " %s", SHOW(MA, w->t->lease_value[kind]));
	}
	fprintf(w->f, ". The order ends in %d.%d s unless it is renewed.",
		SECONDS(w->t->lease_left_ms[kind]));
	fputc(soc ? ' ' : '\n', w->f);
}

static void say_command(const struct story *w)
{
	if (w->dir == DIR_CHARGE) {
		say_lease(w, COMMAND_LIMIT_CHARGE, "charge with at most", false);
		say_lease(w, COMMAND_PAUSE_CHARGE, "do not charge", false);
	} else {
		say_lease(w, COMMAND_LIMIT_DISCHARGE, "discharge with at most", false);
		say_lease(w, COMMAND_PAUSE_DISCHARGE, "do not discharge", false);
	}
}

static void say_soc(const struct story *w)
{
	if (w->rule == RULE_SOC_MAX) {
		say_lease(w, COMMAND_SOC_MAX, "no charging from a state of charge of", true);
	} else {
		say_lease(w, COMMAND_SOC_MIN, "no discharging below a state of charge of", true);
	}
	fprintf(w->f, "The battery says %u %%.\n", w->sample->soc_pct);
}

/* The line of the list, as the beginning of a sentence. */
static void say_text(const struct story *w)
{
	const char *text = rule_text(w->rule);

	fprintf(w->f, "%c%s.", toupper((unsigned char)text[0]), text + 1);
}

static void say_house(const struct story *w)
{
	const struct arbiter_config *a = &w->config->arbiter;

	say_text(w);
	fputc(' ', w->f);
	if (w->rule == RULE_INTERLOCK) {
		fprintf(w->f,
			"While the other battery is charged with more than %s ours is not discharged, "
			"and while it is discharged with more than %s ours is not charged. ",
			SHOW(MA, a->peer_charge_ma), SHOW(MA, a->peer_discharge_ma));
	}
	fputs("What was heard:\n", w->f);
	explain_house(w->t, 9, w->f);
}

static void say_bms_value(const struct story *w)
{
	const struct bms_limits *b = &w->s->core->known;

	switch (w->rule) {
	case RULE_BMS_OCP:
		fprintf(w->f, "The BMS itself switches off at %s: nine tenths of that are used.\n",
			SHOW(MA, b->ocp_ma[w->dir]));
		break;
	case RULE_BMS_OVP:
		say_cell(w, true);
		fprintf(w->f, "The BMS switches off at %s, and 20 mV are kept from that.\n",
			SHOW(MV, b->cell_ovp_mv));
		break;
	case RULE_BMS_UVP:
		say_cell(w, false);
		fprintf(w->f, "The BMS switches off at %s, and 20 mV are kept from that.\n",
			SHOW(MV, b->cell_uvp_mv));
		break;
	case RULE_C_RATE:
	default:
		fprintf(w->f,
			"limits.c_rate_max allows %d.%03d x the capacity of %d Ah that the BMS "
			"reports.\n",
			w->config->max_c_rate_pm / 1000, w->config->max_c_rate_pm % 1000,
			b->capacity_mah / 1000);
		break;
	}
}

static void say_level(const struct story *w)
{
	const bool high = w->rule == RULE_CELL_OVER;
	const struct level *l = &w->config->level[high ? LEVEL_CELL_HIGH : LEVEL_CELL_LOW];

	say_cell(w, high);
	fprintf(w->f, "limits.%s ends %s at %s.\n", high ? "cell_high" : "cell_low",
		high ? "charging" : "discharging", SHOW(MV, l->limit));
}

static void say_measured(const struct story *w)
{
	switch (w->rule) {
	case RULE_CELL_HIGH:
		say_cell(w, true);
		say_curve(w, CURVE_CHARGE_CELL_HIGH, EXPLAIN_MV, w->sample->cell_max_mv,
			  "charge_by_cell_high");
		break;
	case RULE_CELL_LOW:
		say_cell(w, false);
		say_curve(w, CURVE_CHARGE_CELL_LOW, EXPLAIN_MV, w->sample->cell_min_mv,
			  "charge_by_cell_low");
		break;
	case RULE_CELL_LOW_DIS:
		say_cell(w, false);
		say_curve(w, CURVE_DISCHARGE_CELL_LOW, EXPLAIN_MV, w->sample->cell_min_mv,
			  "discharge_by_cell_low");
		break;
	case RULE_TEMP_COLD:
		say_probe(w, true, CURVE_CHARGE_COLD, "charge_by_cold");
		break;
	case RULE_TEMP_HOT:
		say_probe(w, false, CURVE_CHARGE_HOT, "charge_by_hot");
		break;
	case RULE_TEMP_DIS:
		say_discharge_temperature(w);
		break;
	case RULE_MOS_TEMP:
	default:
		fprintf(w->f, "The MOSFETs of the BMS have %s. ", SHOW(DC, w->sample->mos_dc));
		say_curve(w, CURVE_MOS, EXPLAIN_DC, w->sample->mos_dc, "by_mosfet");
		break;
	}
}

static void say_other(const struct story *w)
{
	say_text(w);
	if (w->rule == RULE_MAXIMUM) {
		fprintf(w->f, " limits.%s = %s: nothing reduces it.",
			w->dir == DIR_CHARGE ? "charge_max" : "discharge_max",
			SHOW(MA, w->config->max_ma[w->dir]));
	} else if (w->rule == RULE_BMS_ALARM) {
		fprintf(w->f, " Its alarm bits are 0x%04x.", w->sample->alarms);
	} else if (w->rule == RULE_INVERTER_LOST && w->t->alive_age_ms < LONG_AGO_MS) {
		fprintf(w->f, " It was heard %d.%d s ago (0x305).", SECONDS(w->t->alive_age_ms));
	} else if (w->rule == RULE_DISOBEYED) {
		fprintf(w->f, " The battery's current was %s (charging is positive).",
			SHOW(MA, w->sample->pack_ma));
	}
	fputc('\n', w->f);
}

void replay_explain_rule(const struct replay_source *s, enum dir dir, uint32_t rule, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(s->core);
	const struct story w = {.s = s,
				.config = &s->config.core,
				.t = t,
				.sample = &t->sample,
				.dir = dir,
				.rule = rule,
				.f = f};

	switch (rule) {
	case RULE_CELL_HIGH:
	case RULE_CELL_LOW:
	case RULE_CELL_LOW_DIS:
	case RULE_TEMP_COLD:
	case RULE_TEMP_HOT:
	case RULE_TEMP_DIS:
	case RULE_MOS_TEMP:
		say_measured(&w);
		break;
	case RULE_CELL_OVER:
	case RULE_CELL_UNDER:
		say_level(&w);
		break;
	case RULE_BMS_OCP:
	case RULE_BMS_OVP:
	case RULE_BMS_UVP:
	case RULE_C_RATE:
		say_bms_value(&w);
		break;
	case RULE_NO_SAMPLE:
	case RULE_STOP:
	case RULE_HOLD:
	case RULE_TRIP:
		say_ladder(&w);
		break;
	case RULE_CAUTION:
		say_caution(&w);
		break;
	case RULE_CONFIRM:
	case RULE_RAMP:
	case RULE_RATCHET:
		say_rise(&w);
		break;
	case RULE_COMMAND:
		say_command(&w);
		break;
	case RULE_SOC_MAX:
	case RULE_SOC_MIN:
		say_soc(&w);
		break;
	case RULE_INTERLOCK:
	case RULE_CROSS_CHARGE:
	case RULE_SOURCE_SILENT:
	case RULE_DAMPING:
		say_house(&w);
		break;
	default:
		say_other(&w);
		break;
	}
}
