/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign of a temperature reading. The JK protocol has one number for two temperatures: raw 0..99 is
 * that many degrees, raw 100..140 is 0..-40 degC by the document and by every test, but nothing
 * says what a sensor at 100 degC sends, and 100 is what it would send. A MOSFET that gets hotter
 * than 99 degC must not read as a cold one, so the sign of raw 100..140 is decided by continuity.
 */
#ifndef JKP_CORE_TEMPERATURE_H
#define JKP_CORE_TEMPERATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sample.h"

#define TEMPERATURE_SENSORS   (SAMPLE_PROBES + 1U) /* the probes, then the MOSFETs */
#define TEMPERATURE_HOT_DC    500		   /* from here on up is nearer than down */
#define TEMPERATURE_MEMORY_NS (60 * NS_PER_S)
#define TEMPERATURE_LEAP_DC   300 /* no sensor does that between two samples */
#define TEMPERATURE_BACK_DC   100 /* this near to where a leap began: it was none */
#define TEMPERATURE_LEAP_NS   (10 * NS_PER_S)

/**
 * struct temperature_memory - what one sensor has said
 * @t_ns: newest valid reading, TIME_NEVER = none
 * @dc: that reading, its sign decided
 * @leap_ns: when it leapt to about where it is, TIME_NEVER = it did not
 * @before_dc: the reading before that leap
 */
struct temperature_memory {
	int64_t t_ns;
	int64_t leap_ns;
	int32_t dc;
	int32_t before_dc;
};

struct temperature {
	struct temperature_memory sensor[TEMPERATURE_SENSORS];
};

void temperature_init(struct temperature *t);

/**
 * temperature_resolve - decide the sign of every reading that has two meanings
 * @t: memory
 * @s: sample; its temperatures become positive where continuity says so
 *
 * Context: the thread that runs the step. Pure. Bound: sensors.
 */
void temperature_resolve(struct temperature *t, struct sample *s);

#endif
