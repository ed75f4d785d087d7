/* SPDX-License-Identifier: Apache-2.0 */
/* `--explain`: numbers of the core as tables for people. */
#include "svc/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/rule.h"
#include "base/units.h"
#include "core/source.h"

#define MILLI	  1000
#define TENTHS	  10
#define LABEL	  8 /* columns */
#define CELL_SIZE EXPLAIN_TEXT_MAX
#define PEER_SIZE 48

/* Fixed point without floating point; the sign is written apart because -0.5 has no whole part. */
const char *explain_quantity(enum explain_quantity q, int32_t v, char buf[EXPLAIN_TEXT_MAX])
{
	const char *sign = v < 0 ? "-" : "";
	const int32_t a = abs_i32(v);

	switch (q) {
	case EXPLAIN_MV:
		snprintf(buf, CELL_SIZE, "%s%d.%03d V", sign, a / MILLI, a % MILLI);
		break;
	case EXPLAIN_MA:
		snprintf(buf, CELL_SIZE, "%s%d.%03d A", sign, a / MILLI, a % MILLI);
		break;
	case EXPLAIN_DC:
	default:
		snprintf(buf, CELL_SIZE, "%s%d.%d C", sign, a / TENTHS, a % TENTHS);
		break;
	}
	return buf;
}

static void print_sample(const struct sample *s, FILE *f)
{
	char a[CELL_SIZE];
	char b[CELL_SIZE];

	fprintf(f, "sample: %u cells, lowest %s (cell %u), ", s->cells,
		explain_quantity(EXPLAIN_MV, s->cell_min_mv, a), s->cell_min_no);
	fprintf(f, "highest %s (cell %u)\n", explain_quantity(EXPLAIN_MV, s->cell_max_mv, a),
		s->cell_max_no);
	fprintf(f, "        pack %s, current %s (charging is positive), SoC %u %%\n",
		explain_quantity(EXPLAIN_MV, s->pack_mv, a),
		explain_quantity(EXPLAIN_MA, s->pack_ma, b), s->soc_pct);
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		fprintf(f, "        probe %u %s\n", i + 1U,
			s->probe_valid[i] ? explain_quantity(EXPLAIN_DC, s->probe_dc[i], a)
					  : "invalid");
	}
	fprintf(f, "        MOSFETs %s, charge %s, discharge %s, alarm bits 0x%04x\n",
		s->mos_valid ? explain_quantity(EXPLAIN_DC, s->mos_dc, a) : "invalid",
		s->mosfet[DIR_CHARGE] ? "on" : "off", s->mosfet[DIR_DISCHARGE] ? "on" : "off",
		s->alarms);
}

static const char *verdict(int32_t ma, char buf[CELL_SIZE])
{
	return ma == INT32_MAX ? "-" : explain_quantity(EXPLAIN_MA, ma, buf);
}

static void print_rules(int32_t ma[DIRS][RULES], FILE *f)
{
	char a[CELL_SIZE];
	char b[CELL_SIZE];

	fprintf(f, "\n%-16s %12s %12s  %s\n", "rule", "charge", "discharge", "meaning");
	for (uint32_t i = 0; i < RULES; i++) {
		if (ma[DIR_CHARGE][i] == INT32_MAX && ma[DIR_DISCHARGE][i] == INT32_MAX) {
			continue;
		}
		fprintf(f, "%-16s %12s %12s  %s\n", rule_name(i), verdict(ma[DIR_CHARGE][i], a),
			verdict(ma[DIR_DISCHARGE][i], b), rule_text(i));
	}
}

/* The value that a level is compared with. Return: false if there is no valid one. */
static bool level_value(const struct sample *s, enum level_id id, int32_t *ret_value)
{
	const bool cold = id == LEVEL_CHARGE_COLD || id == LEVEL_DISCHARGE_COLD;
	bool found = false;

	if (id == LEVEL_CELL_HIGH || id == LEVEL_CELL_LOW) {
		*ret_value = id == LEVEL_CELL_HIGH ? s->cell_max_mv : s->cell_min_mv;
		return true;
	}
	if (id == LEVEL_MOS_HOT) {
		*ret_value = s->mos_dc;
		return s->mos_valid;
	}
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		const int32_t v = cold ? s->probe_floor_dc[i] : s->probe_dc[i];

		if (s->probe_valid[i]) {
			if (!found || (cold ? v < *ret_value : v > *ret_value)) {
				*ret_value = v;
			}
			found = true;
		}
	}
	return found;
}

static void print_levels(const struct sample *s, const struct core_config *config, FILE *f)
{
	char text[CELL_SIZE];

	fprintf(f, "\n%-16s %10s %10s %10s %10s\n", "level", "now", "warn", "limit", "critical");
	for (int32_t i = 0; i < LEVELS; i++) {
		const enum explain_quantity q = i == LEVEL_CELL_HIGH || i == LEVEL_CELL_LOW
							? EXPLAIN_MV
							: EXPLAIN_DC;
		const struct level *level = &config->level[i];
		int32_t value = 0;
		const bool valid = level_value(s, (enum level_id)i, &value);

		fprintf(f, "%-16s %10s", level_name(i),
			valid ? explain_quantity(q, value, text) : "invalid");
		fprintf(f, " %10s", explain_quantity(q, level->warn, text));
		fprintf(f, " %10s", explain_quantity(q, level->limit, text));
		fprintf(f, " %10s\n", explain_quantity(q, level->critical, text));
	}
}

/* Where only a direction is known there is no number. */
static const char *show_peer(int32_t w, char buf[PEER_SIZE])
{
	if (w == INT32_MAX || w == -INT32_MAX) {
		return w > 0 ? "charging" : "discharging";
	}
	snprintf(buf, PEER_SIZE, "%d W (charging is positive)", w);
	return buf;
}

void explain_house(const struct telemetry *t, int width, FILE *f)
{
	char a[PEER_SIZE];

	if (t->grid_w == SOURCE_NO_VALUE) {
		fprintf(f, "%-*snothing heard of a meter\n", width, "grid:");
	} else {
		fprintf(f, "%-*s%d W (import is positive), %d ms ago%s\n", width,
			"grid:", t->grid_w, t->source_age_ms[SOURCE_GRID],
			t->oscillating != 0U ? ", oscillating" : "");
	}
	if (t->peer_from >= SOURCES) {
		fprintf(f, "%-*snothing heard of another inverter\n", width, "other:");
	} else {
		fprintf(f, "%-*sbattery %s, %d ms ago, from %s\n", width,
			"other:", show_peer(t->peer_w, a), t->source_age_ms[t->peer_from],
			source_name((int32_t)t->peer_from));
	}
}

int explain_tables(const struct cycle *c, const struct core_config *config, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(c);
	int32_t ma[DIRS][RULES];

	for (int d = 0; d < DIRS; d++) {
		if (!cycle_explain(c, (enum dir)d, ma[d])) {
			return -ENODATA;
		}
	}
	print_sample(&t->sample, f);
	explain_house(t, LABEL, f);
	print_rules(ma, f);
	print_levels(&t->sample, config, f);
	return 0;
}

int explain_print(const struct cycle *c, const struct core_config *config, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(c);
	char a[CELL_SIZE];
	char b[CELL_SIZE];
	const int rc = explain_tables(c, config, f);

	if (rc != 0) {
		return rc;
	}
	fputc('\n', f);
	for (int d = 0; d < DIRS; d++) {
		fprintf(f, "%-10s envelope %s by %s; on the bus after this one sample %s by %s\n",
			dir_name(d), explain_quantity(EXPLAIN_MA, t->envelope_ma[d], a),
			rule_name(t->envelope_by[d]),
			explain_quantity(EXPLAIN_MA, t->limit_ma[d], b),
			rule_name(t->limited_by[d]));
	}
	return 0;
}
