/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo check: does the inverter understand what the bus says? It is fed with the registers in which
 * a Solis shows what it received from the battery on CAN, and with what was said there. The result
 * is a report and nothing else: no module of the core, no limit and no relay reads it (SAF-07,
 * SAF-13); a check of the include lines enforces that.
 *
 * Registers (input registers, addresses as on the wire; register lists of the projects
 * Pho3niX90/solis_modbus, wills106/homeassistant-solax-modbus and evcc-io/evcc, which agree on what
 * is compared here):
 *
 *   33139 SoC 1 %        33141 voltage 0.01 V         33143 charge limit 0.1 A     33145 faults
 *   33140 SoH 1 %        33142 current 0.1 A signed   33144 discharge limit 0.1 A  33146 faults
 *
 * The scale of 33142 is not certain (0.01 A in some lists), so the current is shown, not compared.
 */
#ifndef JKP_CORE_ECHO_H
#define JKP_CORE_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/time.h"
#include "core/telemetry.h"

#define ECHO_REGISTER_FIRST 33139
#define ECHO_REGISTERS	    8
#define ECHO_FAULT_WORDS    2U

/* What is compared; the unit of its values. */
enum echo_item {
	ECHO_CHARGE,	/* charge limit, mA */
	ECHO_DISCHARGE, /* discharge limit, mA */
	ECHO_VOLTAGE,	/* pack voltage, mV */
	ECHO_SOC,	/* % */
	ECHO_ITEMS
};

enum echo_verdict {
	ECHO_UNKNOWN, /* nothing said, nothing read, or too early to tell */
	ECHO_AGREES,
	ECHO_DIFFERS, /* longer than the window */
	ECHO_VERDICTS
};

/*
 * Differences that are none: one step of the register's grid, because either side may round; more
 * for the voltage, which moves with the load while the inverter takes its time.
 */
#define ECHO_TOLERANCE_MA  100
#define ECHO_TOLERANCE_MV  100
#define ECHO_TOLERANCE_PCT 1

/* A set leaves once a second at least: without a frame for this long nothing is said. */
#define ECHO_SAID_MAX_MS 5000

#define ECHO_WINDOW_MIN_MS 1000
#define ECHO_SPANS	   16U
#define ECHO_EVENTS_MAX	   6U /* ECHO_ITEMS, the verdict, the fault words */

/**
 * struct echo_reading - one set of registers
 * @t_ns: CLOCK_MONOTONIC when it was read, TIME_NEVER: none
 * @value: by enum echo_item; whatever the registers said, also what no battery has
 * @soh_pct: not compared
 * @current_ma: charging is positive; not compared
 * @fault: BMS fault words, meaning unknown
 *
 * Size is a multiple of 8: may travel in a snapshot.
 */
struct echo_reading {
	int64_t t_ns;
	int32_t value[ECHO_ITEMS];
	int32_t soh_pct;
	int32_t current_ma;
	uint32_t fault[ECHO_FAULT_WORDS];
};

/**
 * struct echo_said - what the bus says
 * @confirmed: somebody acknowledges the frames
 * @frames: frames that left so far, modulo 2^32
 * @value: by enum echo_item
 */
struct echo_said {
	bool confirmed;
	uint32_t frames;
	int32_t value[ECHO_ITEMS];
};

/**
 * struct echo_config - settings
 * @window_ms: ECHO_WINDOW_MIN_MS..: a difference must last this long, and a value counts as said
 *	for this long: inverters poll slowly and limits move
 * @max_age_ms: an older reading says nothing, > 0
 */
struct echo_config {
	int32_t window_ms;
	int32_t max_age_ms;
};

/**
 * struct echo_span - least and greatest of what was said in a part of the window
 */
struct echo_span {
	int64_t first_ns;
	int64_t last_ns;
	int32_t min[ECHO_ITEMS];
	int32_t max[ECHO_ITEMS];
};

/**
 * struct echo - state, caller's storage; fields are the module's own
 * @span: ring of the newest spans; @head is the newest, @spans are in use
 * @frames_ns: when @frames last moved
 * @judged_ns: time of the newest reading that was compared
 * @since_ns: reading from which on an item has differed without a break, TIME_NEVER: it agrees
 * @differs: bits by enum echo_item: has differed for longer than the window
 */
struct echo {
	struct echo_config config;
	struct echo_span span[ECHO_SPANS];
	uint32_t head;
	uint32_t spans;
	uint32_t frames;
	int64_t frames_ns;
	int64_t judged_ns;
	int64_t since_ns[ECHO_ITEMS];
	uint32_t differs;
	uint32_t verdict;
	uint32_t fault[ECHO_FAULT_WORDS];
};

/**
 * struct echo_out - result of one step
 * @verdict: enum echo_verdict
 * @differs: bits by enum echo_item, 0 unless @verdict is ECHO_DIFFERS
 * @event: EVENT_ECHO_*, to be told
 */
struct echo_out {
	uint32_t verdict;
	uint32_t differs;
	uint32_t event_len;
	struct event event[ECHO_EVENTS_MAX];
};

/**
 * echo_decode - registers to units
 * @reg: the ECHO_REGISTERS registers from ECHO_REGISTER_FIRST on
 * @t_ns: when they were read
 * @ret_reading: receives them
 *
 * Every value of a register is taken: an inverter that misunderstood SoC 88 as 22528 is what is
 * looked for, so an absurd value differs and is not dropped.
 * Context: any thread. Pure, bound: constant.
 */
void echo_decode(const uint16_t reg[ECHO_REGISTERS], int64_t t_ns,
		 struct echo_reading *ret_reading);

/**
 * echo_said_of - what the bus says, from the telemetry of a cycle
 *
 * Context: any thread. Pure, bound: constant.
 */
void echo_said_of(const struct telemetry *t, struct echo_said *ret_said);

/**
 * echo_init - begin: nothing is known
 * @config: copied; values out of range are brought into it
 *
 * Context: init. Pure.
 */
void echo_init(struct echo *e, const struct echo_config *config);

/**
 * echo_step - advance to now
 * @e: state
 * @now_ns: CLOCK_MONOTONIC, >= 0
 * @said: what the bus says now; to be given several times in a window, whether anything was read
 *	or not
 * @reading: newest registers; the same one may be given again
 * @ret_out: verdict and events; filled completely
 *
 * A new reading is compared with the least and the greatest that was said within one window before
 * it. ECHO_DIFFERS needs readings that differ from one to another at least a window later, without
 * one in between that agrees. While nobody acknowledges frames, or none leave, all is forgotten.
 * Context: any thread, not the cycle's. Pure, bound: ECHO_SPANS x ECHO_ITEMS.
 */
void echo_step(struct echo *e, int64_t now_ns, const struct echo_said *said,
	       const struct echo_reading *reading, struct echo_out *ret_out);

#endif
