/* SPDX-License-Identifier: Apache-2.0 */
/* `--explain`: the newest sample, every rule of the envelope with its verdict, the level table. */
#ifndef JKP_SVC_EXPLAIN_H
#define JKP_SVC_EXPLAIN_H

#include <stdio.h>

#include "core/cycle.h"
#include "core/telemetry.h"

#define EXPLAIN_TEXT_MAX 16

enum explain_quantity {
	EXPLAIN_MV, /* "3.450 V" */
	EXPLAIN_MA, /* "12.000 A" */
	EXPLAIN_DC, /* "21.5 C" */
};

/**
 * explain_quantity - a number with its unit
 *
 * Return: @buf.
 */
const char *explain_quantity(enum explain_quantity q, int32_t v, char buf[EXPLAIN_TEXT_MAX]);

/**
 * explain_house - print what was heard of meter and other inverter, one line each
 * @t: telemetry of the core
 * @width: columns of the label
 * @f: where to
 *
 * Context: tools. No realtime thread.
 */
void explain_house(const struct telemetry *t, int width, FILE *f);

/**
 * explain_tables - print the newest sample, the house, every rule of the envelope, the levels
 *
 * Return: 0, or -ENODATA if there is no sample yet (nothing is printed).
 * Context: tools. No realtime thread.
 */
int explain_tables(const struct cycle *c, const struct core_config *config, FILE *f);

/**
 * explain_print - print what the core makes of its newest sample
 * @c: state after at least one good sample
 * @config: its settings
 * @f: where to
 *
 * Return: 0, or -ENODATA if there is no sample yet (nothing is printed).
 * Context: tools. No realtime thread.
 */
int explain_print(const struct cycle *c, const struct core_config *config, FILE *f);

#endif
