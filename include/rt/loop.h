/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realtime cycle: wakes on an absolute grid, gathers the inputs, calls cycle_step(), carries
 * out what it returns. The thread allocates nothing, takes no lock, opens and closes nothing; all
 * its work has a bound.
 */
#ifndef JKP_RT_LOOP_H
#define JKP_RT_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "core/cycle.h"
#include "core/cycle_state.h"
#include "rt/can.h"
#include "rt/enter.h"
#include "rt/serial.h"
#include "rt/shared.h"
#include "rt/stats.h"

#define LOOP_PHASE_NS	   (300 * NS_PER_US) /* off the whole ms, where the kernel's tick is */
#define LOOP_SNAPSHOT_NS   (20 * NS_PER_MS)  /* telemetry at least this often */
#define LOOP_GUARD_NS	   NS_PER_S	     /* the guard's beat may stand still for this long */
#define LOOP_COUNTERS_NS   (100 * NS_PER_MS) /* counters this often */
#define LOOP_SELF_CHECK_NS NS_PER_S
#define LOOP_GIVEN_MAX	   16U /* identifiers with a cycle_can_bit() */
#define LOOP_PERIOD_MIN_US 1000
#define LOOP_PERIOD_MAX_US 100000

/* Why the cycle is asked to stop. */
enum loop_stop {
	LOOP_GO_ON,
	LOOP_END,
	LOOP_RELOAD,	 /* another worker goes on */
	LOOP_GUARD_GONE, /* the guard's process has ended */
};

/* Called with the inputs of each step, before it; must be wait-free. Returns losses so far. */
typedef uint32_t loop_tap(void *context, const struct cycle_in *in);

/* Called with inputs, outputs and state after each step; must be wait-free. Returns losses so far. */
typedef uint32_t loop_record(void *context, const struct cycle_in *in, const struct cycle_out *out,
			     const struct cycle *core);

/**
 * struct loop_config - what the cycle works with; everything outlives the loop
 * @core: settings of the core
 * @serial: BMS port
 * @can: CAN port, or NULL: dry run, frames go to @frames
 * @commands: ring of struct command from local tools, or NULL
 * @network: the same from the network, or NULL: heard after @commands, never as local
 * @answers: ring of struct command_answer for the producer of @network, or NULL
 * @events: ring of struct event; the cycle is its only producer
 * @frames: ring of struct can_msg for a dry run, or NULL
 * @grid: snapshot of struct grid_sample, or NULL: no meter
 * @peer_local, @peer_portal: snapshots of struct peer_sample, or NULL: no such source
 * @page: page shared with the guard, or NULL: no guard (dry run, explain)
 * @stats: statistics page, or NULL
 * @held: values of an earlier worker, or NULL
 * @latch_word: shared_page.latch that @held knows of
 * @tap: sees the inputs of every step, or NULL
 * @record: sees every step when it was made, or NULL
 */
struct loop_config {
	const struct core_config *core;
	struct serial *serial;
	struct can_port *can;
	struct ring *commands;
	struct ring *network;
	struct ring *answers;
	struct ring *events;
	struct ring *frames;
	const struct snapshot *grid;
	const struct snapshot *peer_local;
	const struct snapshot *peer_portal;
	struct shared_page *page;
	struct stats_page *stats;
	const struct held *held;
	uint32_t latch_word;
	loop_tap *tap;
	void *tap_context;
	loop_record *record;
	void *record_context;
};

/**
 * struct loop_since - what has begun and not ended, for the times of the statistics page; 0 = nothing
 * @request_ns: request given to the driver
 * @first_ns: first byte since then
 * @rx_ns: newest byte
 * @alive_ns: last 0x305
 * @given_ns: by cycle_can_bit(): oldest frame that the driver has and nobody confirmed
 * @sample_ns: last byte of the sample that frame @sample_id was made of
 * @rule_ns: since when @rule sets the limit, by direction
 */
struct loop_since {
	int64_t request_ns;
	int64_t first_ns;
	int64_t rx_ns;
	int64_t alive_ns;
	int64_t given_ns[LOOP_GIVEN_MAX];
	int64_t sample_ns;
	uint16_t sample_id;
	uint16_t first_id; /* of the frames of this period */
	uint32_t can_link;
	uint32_t rule[DIRS];
	int64_t rule_ns[DIRS];
};

/**
 * struct loop - the cycle; large: static storage
 *
 * Fields above the line may be used by others through the functions only; the rest is the
 * thread's own until loop_stop() has returned.
 */
struct loop {
	struct loop_config config;
	pthread_t thread;
	bool started;
	_Atomic uint32_t want_stop;  /* enum loop_stop */
	_Atomic uint32_t want_end;   /* leave the thread now */
	_Atomic uint32_t guard_gone; /* told from outside: the guard's process has ended */
	_Atomic uint32_t stopped;    /* the core has said 0 A */
	_Atomic uint32_t faulty;     /* tripped or latched, see loop_faulty() */
	_Atomic uint32_t latched;    /* enum reason */
	_Atomic uint32_t may_reload;
	_Atomic uint32_t samples;
	_Atomic uint32_t flags;	  /* STATS_* */
	_Atomic uint32_t refused; /* errno to be told as an event */
	_Atomic uint32_t want_reset;
	/* ---- */
	int64_t period_ns;
	int64_t published_ns;
	int64_t counted_ns;
	int64_t checked_ns;
	int64_t guard_moved_ns;
	int64_t rusage_base[4];
	uint32_t latch_word;
	uint32_t guard_beat;
	uint32_t samples_seen;
	uint32_t response_steps;
	uint32_t reset_left; /* histograms still to be cleared */
	bool request_failed;
	bool guard_seen; /* its beat has moved once */
	struct grid_sample grid;
	struct peer_sample peer_local;
	struct peer_sample peer_portal;
	struct held held; /* as told to the guard */
	struct stats_loop counters;
	struct loop_since since;
	int64_t rule_lasted_ns[DIRS][RULES];
	uint32_t rule_came[DIRS][RULES];
	uint32_t hist[STATS_TIMES][STATS_HIST_CELLS];
	struct cycle_in in;
	struct cycle_out out;
	struct cycle cycle;
};

/**
 * loop_first_wakeup - first point of the grid that is at least one period away
 * @now_ns: CLOCK_MONOTONIC
 * @period_ns: period
 *
 * Return: a multiple of the period plus LOOP_PHASE_NS.
 * Context: pure.
 */
int64_t loop_first_wakeup(int64_t now_ns, int64_t period_ns);

/**
 * loop_next_wakeup - next point of the grid; points that have passed are skipped
 * @last_ns: the point just served
 * @done_ns: CLOCK_MONOTONIC at the end of the work
 * @period_ns: period
 * @ret_missed: number of points skipped, 0 = on time
 *
 * Context: pure.
 */
int64_t loop_next_wakeup(int64_t last_ns, int64_t done_ns, int64_t period_ns, uint64_t *ret_missed);

/**
 * loop_init - prepare everything but the thread; calls cycle_init()
 * @l: loop, zeroed static storage
 * @config: copied
 * @flags: STATS_* to show in the statistics page
 * @now_ns, @boot_ns: arguments of cycle_init(), read beside each other
 *
 * Return: 0, or -EINVAL for a period outside LOOP_PERIOD_MIN_US..LOOP_PERIOD_MAX_US.
 * Context: init.
 */
int loop_init(struct loop *l, const struct loop_config *config, uint32_t flags, int64_t now_ns,
	      int64_t boot_ns);

/**
 * loop_step - one period: gather, cycle_step(), carry out, count
 * @planned_ns: the wake-up time asked for
 *
 * Return: CLOCK_MONOTONIC at the end of the work.
 * Context: the cycle thread, or a test without a thread. Never blocks.
 */
int64_t loop_step(struct loop *l, int64_t planned_ns);

/**
 * loop_start - start the thread
 * @spec: its attributes
 * @required: see enter_start_realtime()
 * @report: what was granted so far and is now
 *
 * Return: 0, or -errno with @report->text.
 * Context: init, last of all.
 */
int loop_start(struct loop *l, const struct enter_thread *spec, bool required,
	       struct enter_report *report);

/**
 * loop_request_stop - ask the core for its last words: 0 A
 *
 * Context: any thread.
 */
void loop_request_stop(struct loop *l, enum loop_stop stop);

/**
 * loop_is_stopped - the last frames said 0 A
 *
 * Context: any thread.
 */
bool loop_is_stopped(const struct loop *l);

/**
 * loop_is_faulty - tripped or latched when the stop was asked for, or now
 *
 * Context: any thread.
 */
bool loop_is_faulty(const struct loop *l);

/**
 * loop_latched - enum reason of the latched fault, REASON_NONE = none
 *
 * Context: any thread.
 */
uint32_t loop_latched(const struct loop *l);

/**
 * loop_may_reload - see cycle_may_reload(); of the newest step
 *
 * Context: any thread.
 */
bool loop_may_reload(const struct loop *l);

/**
 * loop_samples - good samples so far, modulo 2^32
 *
 * Context: any thread.
 */
uint32_t loop_samples(const struct loop *l);

/**
 * loop_request_reset - have times, histograms and counters of rules begin anew
 *
 * Done within LOOP_SELF_CHECK_NS and STATS_TIMES periods; then stats_loop.resets has moved. What counts
 * faults goes on counting.
 * Context: any thread.
 */
void loop_request_reset(struct loop *l);

/**
 * loop_stop - end the thread and wait for it; nothing if it does not run
 *
 * Context: fini.
 */
void loop_stop(struct loop *l);

#endif
