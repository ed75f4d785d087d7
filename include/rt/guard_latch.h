/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guard keeps: the latched fault and why the relay last opened. In the shared page for the
 * worker, in the state file for the next start (SAF-12).
 */
#ifndef JKP_RT_GUARD_LATCH_H
#define JKP_RT_GUARD_LATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/shared.h"
#include "rt/state.h"

#define GUARD_LATCH_RETRY_NS NS_PER_S /* recorder gone: the next one; the first lines about it */
#define GUARD_LATCH_PAUSE_NS (60 * NS_PER_S) /* at most between two lines, as long as none works */
#define GUARD_LATCH_LATE_NS  (5 * NS_PER_S)  /* not on disk by then: worth a line */
#define GUARD_LATCH_SAME_NS  (60 * NS_PER_S) /* the same reason again: no more often to the disk */

/**
 * struct guard_latch - caller-owned
 * @record: as it is to be in the file
 * @unsaved: the recorder has not got it yet
 * @pending: the disk has not got it yet
 * @number: of the latch, see struct shared_latch
 * @retry_ns: when a recorder that has ended may be looked for again
 * @tell_ns, @pause_ns: when that is told again, and the pause before; 0 = the last one has worked
 */
struct guard_latch {
	struct state state;
	struct state_record record;
	bool unsaved;
	bool pending;
	uint8_t number;
	int64_t retry_ns;
	int64_t tell_ns;
	int64_t pause_ns;
	int64_t noted_ns;
	int64_t put_ns; /* since when something waits for the disk */
	bool told_late;
};

/**
 * guard_latch_open - read what is latched; a lost or broken file counts as REASON_STATE
 * @relay: for the record: what --open-relay opens when the configuration cannot be read
 *
 * Return: 0 or -errno with @error.
 * Context: guard, before it is realtime. May wait for the disk.
 */
int guard_latch_open(struct guard_latch *l, struct shared_page *page, const char *path,
		     const char *relay, char *error, size_t size);

/**
 * guard_latch_set - a fault is latched from now on; one that is latched already stays the cause
 */
void guard_latch_set(struct guard_latch *l, struct shared_page *page, uint32_t reason,
		     uint32_t level);

/**
 * guard_latch_look - what the worker's core has latched, or has been acknowledged
 * @fresh: the worker runs: only then its word can clear a latch. It can set one with its last breath
 *
 * Return: true if the latch was acknowledged.
 * Context: guard, each period, before a new worker wipes the page.
 */
bool guard_latch_look(struct guard_latch *l, struct shared_page *page, bool fresh);

/**
 * guard_latch_opened - the relay has opened because of this
 */
void guard_latch_opened(struct guard_latch *l, uint32_t reason, int64_t now_ns);

/**
 * guard_latch_save - hand what is new to the recorder
 *
 * Context: guard, each period, after everything else. Never blocks, unless a recorder that has died
 * must be started anew.
 */
void guard_latch_save(struct guard_latch *l, int64_t now_ns);

#endif
