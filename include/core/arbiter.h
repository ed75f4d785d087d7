/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbiter: two inverters, each with a battery of its own, on one connection to the grid. Both see
 * the same grid power and each wants to bring it to 0, so nothing but chance decides which battery
 * gives and which takes: one may charge the other for hours, at the loss of both conversions.
 * What the arbiter says is a cap for each direction of our battery; it can only lower (SAF-07).
 *
 * Three rules, by the newest word of the meter and of the other inverter:
 *
 * Interlock (the original script's). While the other battery is charged with more than
 * peer_charge_ma (8 A) ours is not discharged, and while it is discharged with more than
 * peer_discharge_ma (1.2 A: an idle GoodWe reads about -40 W) ours is not charged. The original let
 * go of that when the grid meter showed more than 700 W of import or 100 W of export. Here the dead
 * bands apply to the *need*: what ours does now, plus what comes from the grid, less what goes into
 * the other battery. That sum does not change when ours obeys, so the rule cannot chase its own
 * effect; and it is what the house would take if the other battery stood still, so a forced charge
 * of the other one is never fed from ours. The need is then the cap.
 *
 * Cross-charge guard. Below those currents, one charging while the other discharges for longer than
 * cross_ms is lowered to the need as well. The fuller of the two should give way: it has energy to
 * spare when it discharges, and no use for more when it charges. Only our own battery is ours to
 * lower. If ours is the fuller one, or it is not known which is, that is done after cross_ms. If the
 * other one is, it is done after twice that time: ours ends the exchange too, because the other
 * inverter sees the difference on the meter and takes it back, but it had its chance first. In
 * either case nothing is lost but the exchange: the need of the house stays allowed. Less a little:
 * five times what the other one does against ours, 120 W at most. Its meter may be off by some
 * watts, and what it does not see on the meter it does not take back. A discharge of the other one
 * up to peer_discharge_ma is what it draws itself: ours is charged all the same. Without the meter
 * nobody knows the need, and the guard does nothing.
 *
 * The other inverter is heard every 10 s at best, the meter every second. When the grid gives while
 * ours takes (a cloud), or takes while ours gives, the other inverter is about to step in, and then
 * one feeds the other until both have found out. So with ahead_w of that the guard acts at once, for
 * 12 s. It does so again only after a minute without: who wants to charge from the grid, and has
 * another inverter that does not mind, loses those seconds.
 *
 * Fallback. A sample counts for stale_ms. After that, before the first one, after a suspend, with a
 * time that lies ahead or without any usable value the source is silent, its rules end, and its
 * fallback applies. The inverter itself is believed before its portal; while either of them is
 * heard the other's fallback does not apply. Nothing is ever held from a silent source.
 *
 * A cause must last grace_ms before the interlock acts, and it acts for hold_ms after the cause has
 * gone. Lowering is comfort, not protection: it begins at the current that flows and goes on with
 * fall_ma_s, as a Solis S5 trips on fast changes of the charge limit.
 */
#ifndef JKP_CORE_ARBITER_H
#define JKP_CORE_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rule.h"
#include "core/config.h"
#include "core/sink.h"
#include "core/source.h"

#define ARBITER_NOMINAL_MV 51200 /* of our battery before it has said its voltage */

/**
 * struct arbiter_in - what it decides on
 * @now_ns: CLOCK_MONOTONIC
 * @grid, @local, @portal: newest word of each source; any content, t_ns TIME_NEVER = none yet
 * @own_ma: current of our battery, newest good sample, + charging; 0 if there is none
 * @own_mv: its voltage, > 0
 * @own_soc_pct: its state of charge, SOURCE_NO_VALUE = not known
 */
struct arbiter_in {
	int64_t now_ns;
	struct grid_sample grid;
	struct peer_sample local;
	struct peer_sample portal;
	int32_t own_ma;
	int32_t own_mv;
	int32_t own_soc_pct;
};

/* A cause that must last, and lasts on. */
struct arbiter_cause {
	int64_t since_ns; /* TIME_NEVER = absent */
	int64_t seen_ns;
	bool active;
};

/* One direction of our battery. */
struct arbiter_dir {
	struct arbiter_cause interlock;
	struct arbiter_cause cross;
	int64_t ahead_ns; /* since when the guard acts on the meter alone; TIME_NEVER = it does not */
	int64_t wrong_ns; /* when ours last worked against the grid */
	bool open;	  /* interlock: the need is beyond its dead band */
	int32_t slow_ma;  /* cap of interlock and guard on its way down, INT32_MAX = none */
	int64_t slow_rest;
	uint32_t told; /* rule of the last event */
	int64_t told_ns;
};

/**
 * struct arbiter - caller-owned
 * @cap_ma: what it allows, mA, >= 0, INT32_MAX = anything
 * @rule: RULE_INTERLOCK, RULE_CROSS_CHARGE or RULE_SOURCE_SILENT where @cap_ma is a cap
 * @grid_w: grid power as used, SOURCE_NO_VALUE = silent
 * @peer_w: power of the other battery as used, SOURCE_NO_VALUE = silent; one whose size is not
 *          known, only its direction, is INT32_MAX or -INT32_MAX
 * @peer_soc_pct: its state of charge, SOURCE_NO_VALUE = not known
 * @peer_from: SOURCE_LOCAL, SOURCE_PORTAL, or SOURCES = silent
 */
struct arbiter {
	int32_t cap_ma[DIRS];
	uint32_t rule[DIRS];
	int32_t grid_w;
	int32_t peer_w;
	int32_t peer_soc_pct;
	uint32_t peer_from;
	/* the module's own */
	int32_t peer_ma;
	int64_t busy_ns; /* when the other battery last did anything */
	int64_t from_ns; /* what was heard before does not count */
	int64_t last_ns;
	bool grid_told; /* the meter was heard and that was said */
	bool peer_told;
	int64_t told_ns;
	struct arbiter_dir dir[DIRS];
};

/**
 * arbiter_init - nothing was heard yet
 */
void arbiter_init(struct arbiter *a, int64_t now_ns);

/**
 * arbiter_forget - what was heard up to now does not count any more (suspend)
 */
void arbiter_forget(struct arbiter *a, int64_t now_ns);

/**
 * arbiter_step - judge the newest words; the result is in @a
 * @c: settings
 * @in: inputs; every content is allowed but @own_mv <= 0
 * @sink: receives events when a verdict or a source changes
 *
 * Context: the thread that runs the step. Pure. Bound: constant.
 */
void arbiter_step(struct arbiter *a, const struct core_config *c, const struct arbiter_in *in,
		  struct sink *sink);

#endif
