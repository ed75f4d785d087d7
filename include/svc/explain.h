/* SPDX-License-Identifier: Apache-2.0 */
/* `--explain`: the newest sample, every rule of the envelope with its verdict, the level table. */
#ifndef JKP_SVC_EXPLAIN_H
#define JKP_SVC_EXPLAIN_H

#include <stdio.h>

#include "core/cycle.h"
#include "core/telemetry.h"

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
