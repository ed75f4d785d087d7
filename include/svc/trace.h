/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input trace: everything cycle_step() was given, as a text file, so that tools/replay repeats an
 * incident exactly. The cycle thread pushes small records into a ring; a thread writes the text.
 *
 * File format 2: lines of ASCII, fields separated by one space, numbers decimal unless noted.
 *
 *   # jkpylon-trace 2			first line; other lines beginning with # are comments
 *   C <section>.<key>=<value>		configuration, one line a key, as --print-config shows it
 *   I <now_ns> <boot_ns>		arguments of cycle_init()
 *   H <t_ns> <pack_mv> <pack_ma> <temp_dc> <soc_pct> <cells> <reload> <latched> <level> <tripped>
 *     <reclose_ns> x 3 <closed> <over_ns> x 2 <zero_ns> x 2 <heard_ns>
 *					held values given to cycle_init(), one line; absent: NULL
 * and then the steps, one S line for each call of cycle_step() in order, first its S line, then the
 * lines that belong to it, in this order:
 *   S <now_ns> <boot_ns> <flags>	flags: hexadecimal, TRACE_TTY_OPEN ...
 *   L <link>				CAN link, enum can_link; only when it differs from the step
 *					before (before the first: 0)
 *   M <t_ns> <power_w> <serial>	grid meter; only when it differs from the step before (before
 *					the first: GRID_NONE); TIME_NEVER and SOURCE_NO_VALUE print
 *					as "-"
 *   P l|p <t_ns> <source> <mode> <current_ma> <power_w> <voltage_mv> <soc_pct>
 *					other inverter itself or its portal; likewise (before the
 *					first: PEER_NONE_HEARD)
 *   D <bits>				frames of ours that did not leave, hexadecimal, cycle_can_bit()
 *   G <relay> <latch>			enum relay_state and enum reason; only when the relay differs
 *					from the step before (before the first: 0) or something latched
 *   K <kind> <value> <ttl_ms> <local> a command; at most CYCLE_COMMAND_MAX
 *   F <id>#<data> b|o			a frame: id 3 hex digits, data 0..8 bytes in hex, from the
 *					bus or our own; at most CYCLE_CAN_RX_MAX
 *   R <hex>				serial bytes; several R lines of a step are one piece, at
 *					most CYCLE_RX_MAX bytes
 * Format 1 had a line E for what is M and P now, and was never written with one.
 *
 * A damaged recording says so:
 *   X <n>				n steps were lost here (the writer was too slow): what follows
 *					cannot be replayed exactly
 *   Z					orderly end
 */
#ifndef JKP_SVC_TRACE_H
#define JKP_SVC_TRACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ring.h"
#include "core/cycle.h"

#define TRACE_FORMAT   "# jkpylon-trace 2"
#define TRACE_FORMAT_1 "# jkpylon-trace 1" /* can still be read */

/* Flags of an S line. */
#define TRACE_TTY_OPEN	     0x1U
#define TRACE_REQUEST_FAILED 0x2U
#define TRACE_GUARD_OK	     0x4U
#define TRACE_STOP	     0x8U
#define TRACE_RELOAD	     0x10U

#define TRACE_RECORD_SIZE 96U
#define TRACE_RECORDS	  4096U /* 393 kB, allocated only when tracing; most a second of full lines */

/**
 * struct trace - producer's and consumer's side
 * @ring: records on their way
 * @file: the text file
 *
 * Fields are the module's own.
 */
struct trace {
	struct ring ring;
	uint8_t *storage;
	FILE *file;
	bool running;
	_Atomic uint32_t quit;
	pthread_t thread;
	/* producer */
	uint32_t link;
	uint32_t relay;
	struct grid_sample grid;
	struct peer_sample peer[2]; /* local, portal */
	uint32_t lost_steps;
	uint32_t lost_total;
};

/**
 * trace_open - create the file and write its header
 * @t: trace
 * @path: file; replaced if it exists
 * @config_text: output of conf_print(); turned into C lines
 *
 * Return: 0 or -errno.
 * Context: init.
 */
int trace_open(struct trace *t, const char *path, const char *config_text);

/**
 * trace_start_point - arguments of cycle_init()
 *
 * Context: before trace_start().
 */
void trace_start_point(struct trace *t, int64_t now_ns, int64_t boot_ns, const struct held *held);

/**
 * trace_start - start the writing thread
 *
 * Return: 0 or -errno.
 * Context: init, before anything is realtime.
 */
int trace_start(struct trace *t);

/**
 * trace_step - record the inputs of one period
 * @context: struct trace
 * @in: inputs as given to cycle_step()
 *
 * All records of a step or, when the ring lacks the room, none of them.
 * Return: steps lost so far, modulo 2^32.
 * Context: the cycle thread only. Wait-free, bound: CYCLE_RX_MAX bytes, CYCLE_CAN_RX_MAX frames.
 */
uint32_t trace_step(void *context, const struct cycle_in *in);

/**
 * trace_stop - write what is left, join, close; nothing if it was not opened
 */
void trace_stop(struct trace *t);

#endif
