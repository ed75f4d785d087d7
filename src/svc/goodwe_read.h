/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol the inverter speaks, and one reading by it. */
#ifndef JKP_SVC_GOODWE_READ_H
#define JKP_SVC_GOODWE_READ_H

#include <stdint.h>

#include "svc/goodwe.h"

/**
 * struct goodwe_reading - one reading
 * @t_ns: CLOCK_MONOTONIC when @battery arrived, its state of charge left aside
 * @grid_power_w: + import, - export, W; GOODWE_NO_VALUE
 */
struct goodwe_reading {
	int64_t t_ns;
	struct goodwe_battery battery;
	int32_t grid_power_w;
};

/**
 * goodwe_meet - find out who is there: sets @g->family and @g->said.device
 *
 * Return: 0, or as goodwe_ask(); -EPROTO: it speaks the other protocol than configured.
 * Context: the service's thread.
 */
int goodwe_meet(struct goodwe *g);

/**
 * goodwe_read - read what the battery does, by @g->family
 * @ret_reading: untouched on failure
 *
 * Return: 0, or as goodwe_ask().
 * Context: the service's thread.
 */
int goodwe_read(struct goodwe *g, struct goodwe_reading *ret_reading);

#endif
