#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Can the property test fail? Breaks one rule of src/core at a time, in a copy, and runs it.

mutate.py [--cc gcc] [--steps 20000000] [--seed 1] [NAME...]

Each row below is one change to one file of src/core. The test must find every one: a row that
survives, or whose text is not there any more, is a failure. Nothing in the tree is changed.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 300

# name, file, text, replacement
MUTATIONS = [
    ("age-from-reply-time", "cycle.c", "c->answer.t_ns, &c->decoded", "in->now_ns, &c->decoded"),
    ("stale-twice-as-long", "safety.c", "{in->age_ms > c->stale_ms, STEP_STOP",
     "{in->age_ms > 2 * c->stale_ms, STEP_STOP"),
    ("no-trip-on-silence", "safety.c", "{in->age_ms > c->trip_ms, STEP_TRIP",
     "{false, STEP_TRIP"),
    ("no-caution", "safety.c", "{in->age_ms > c->stale_ms * 2 / 3, STEP_CAUTION",
     "{false, STEP_CAUTION"),
    ("caution-without-fall", "safety.c", "min_i32(steps, 1000) * SAFETY_CAUTION_STEP_PM", "0 * steps"),
    ("guard-loss-ignored", "safety.c", "{!in->guard_ok, STEP_STOP", "{false, STEP_STOP"),
    ("silent-inverter-ignored", "safety.c", "{alive_judged && in->alive_ms >= SAFETY_ALIVE_ZERO_MS",
     "{false && in->alive_ms >= SAFETY_ALIVE_ZERO_MS"),
    ("permit-withdrawn-at-once", "safety.c", "if (!sf->permit || passed(", "if (true || passed("),
    ("permit-never-withdrawn", "safety.c", "sf->permit = false;\n\t\tsf->open_ns",
     "sf->open_ns"),
    ("closed-again-at-once", "safety.c",
     "return passed(in->now_ns, sf->open_ns, c->open_ms * NS_PER_MS);",
     "return true;"),
    ("back-after-one-sample", "safety.c", "if (sf->good < sf->needed) {", "if (sf->good < 1) {"),
    ("no-latch-after-three-closings", "safety.c", "is_bms_side(reason) &&\n",
     "is_bms_side(reason) && false &&\n"),
    ("latch-cleared-by-network", "cycle_command.c", "cmd->local != 0U ? COMMAND_ACCEPTED : COMMAND_NOT_LOCAL",
     "COMMAND_ACCEPTED"),
    ("pause-ignored", "cycle_limit.c", "return (struct proposal){0, RULE_COMMAND};",
     "return (struct proposal){INT32_MAX, RULE_COMMAND};"),
    ("pause-of-the-largest-value", "cycle_command.c", "min_i32(cmd->value, INT32_MAX - 1)",
     "cmd->value"),
    ("bound-of-soc-ignored", "cycle_limit.c", "if (c->soc_reached[dir]) {", "if (false) {"),
    ("bound-of-soc-without-soc", "cycle_command.c", "return !known || room_pct <= 0 ||",
     "return room_pct <= 0 ||"),
    ("fallback-ignored", "arbiter.c", "if (s->fallback == FALLBACK_ZERO) {", "if (false) {"),
    ("interlock-ignored", "arbiter.c", "if (d->interlock.active) {", "if (false) {"),
    ("house-ignored", "cycle_limit.c", "return damping.cap_ma < arbiter.cap_ma ? damping : arbiter;",
     "return damping;"),
    ("damping-ignored", "cycle_limit.c", "return damping.cap_ma < arbiter.cap_ma ? damping : arbiter;",
     "return arbiter;"),
    ("silent-source-is-held", "arbiter.c", "\t\ta->peer_from = SOURCES;\n", ""),
    ("orders-raise", "cycle_limit.c", "command_proposal(c, dir),",
     "command_proposal(c, dir), /* and */"),
    ("envelope-without-cell-high", "envelope.c",
     "curve_ma(c, bms, CURVE_CHARGE_CELL_HIGH, in->cell_max_mv, maximum_ma)", "maximum_ma"),
    ("envelope-without-cell-low", "envelope.c",
     "curve_ma(c, bms, CURVE_DISCHARGE_CELL_LOW, in->cell_min_mv, maximum_ma)", "maximum_ma"),
    ("envelope-without-cold", "envelope.c", "curve_ma(c, bms, curve_cold, in->cold_dc, maximum_ma)",
     "maximum_ma"),
    ("envelope-without-mosfet", "envelope.c", "forbid_if(&b, RULE_MOSFET_OFF, !in->mosfet[dir]);",
     ""),
    ("envelope-without-alarms", "envelope.c", "(in->alarms & forbidding) != 0", "false"),
    ("envelope-without-ovp", "envelope.c",
     "in->cell_max_mv >= bms->cell_ovp_mv - ENVELOPE_CELL_GUARD_MV", "false"),
    ("envelope-without-ocp", "envelope.c", "share(bms->ocp_ma[dir], ENVELOPE_OCP_PM)",
     "bms->ocp_ma[dir]"),
    ("envelope-without-missing-fields", "envelope.c", "forbid_if(&b, RULE_FIELD_INVALID, !in->valid);",
     ""),
    ("probe-loss-ignored", "envelope.c", "forbid_if(b, RULE_PROBE_INVALID, !in->probes_ok);", ""),
    ("rise-on-one-sample", "limiter.c", "l->confirmed_ma = min_i32(envelope_ma, l->previous_ma);",
     "l->confirmed_ma = envelope_ma;"),
    ("rise-on-bad-sample", "limiter.c", "l->confirmed_ma = min_i32(l->confirmed_ma, envelope_ma);",
     "l->confirmed_ma = envelope_ma;"),
    ("rise-too-fast", "limiter.c", "(int64_t)c->rise_ma_s * dt_ns", "(int64_t)c->rise_ma_s * 3 * dt_ns"),
    ("calm-ignored", "limiter.c", "const bool calm = ", "const bool calm = true || "),
    ("calm-shortened-by-orders", "limiter.c", "measured_ma < l->free_ma", "measured_ma < l->ramp_ma"),
    ("ratchet-off", "limiter.c", "lower(&p, (struct proposal){l->ratchet_ma, RULE_RATCHET});", ""),
    ("cell-jump-ignored", "plausible.c",
     "abs_i32(now - before) > PLAUSIBLE_CELL_JUMP_MV", "abs_i32(now - before) > 5000"),
    ("sum-ignored", "plausible.c", "ret->safe_set = cells_fact || sum_fact;",
     "ret->safe_set = cells_fact; (void)sum_fact;"),
    ("soc-zero-believed", "plausible.c", "!(s->soc_pct == 0 && s->cycles == 0)", "true"),
    ("frozen-ignored", "plausible.c", "ret->no_rise = true;\n\t\tret->frozen", "ret->frozen"),
    ("frozen-never-stops", "plausible.c", "ret->frozen = ms >= PLAUSIBLE_FROZEN_STOP_MS;",
     "ret->frozen = false;"),
    ("late-reply-accepted", "bms_link.c", " || now_ns - b->request_ns > BMS_REPLY_NS) {", ") {"),
    ("late-answer-believed", "bms_link.c", "b->quiet_until_ns = b->request_ns + BMS_LATE_NS;",
     "b->quiet_until_ns = b->request_ns;"),
    ("second-reply-counts", "bms_link.c", "if (got) {\n\t\tb->awaiting = false;", "if (got) {"),
    ("reply-from-before-request", "bms_link.c",
     "jk_framer_reset(&b->framer); /* what began before the request is not its answer */", ""),
    ("reply-from-before-suspend", "cycle.c", "bms_link_forget(&c->bms, in->now_ns);", ""),
    ("suspend-ignored", "cycle.c", "if (slept_ns <= SUSPEND_NS) {", "if (true) {"),
    ("permit-by-decision-alone", "cycle.c", "&& c->link.sent_ma[d] == 0", ""),
    ("soc-jump-ignored", "plausible.c", "!absurd && ret->soc_valid &&", "!absurd &&"),
    ("maxima-not-needed", "cycle_sample.c", " || !maxima_known(c, s, sink)", ""),
    ("soc-floor-dropped", "cycle_limit.c", "if (missing || c->envelope_ma[DIR_CHARGE] <", "if (c->envelope_ma[DIR_CHARGE] + 1000000 <"),
    ("soc-floor-at-exact-zero", "cycle_limit.c", "c->envelope_ma[DIR_CHARGE] < LIMITER_GRID_MA",
     "c->envelope_ma[DIR_CHARGE] == 0"),
    ("soc-100-not-full", "cycle_limit.c", "full && !missing ? SOC_FULL_PCT", "!missing || full ? SOC_FULL_PCT"),
    ("enables-stuck", "cycle_limit.c", ".charge_enable = charge,", ".charge_enable = true,"),
    ("no-communication-fault", "cycle_limit.c", "over, fault)", "over, false)"),
    ("cvl-by-one-count", "cycle_limit.c", "c->held.cells, c->ovp_mv);", "c->sample.cells, c->ovp_mv);"),
    ("cvl-held-too-short", "cycle_limit.c", "(c->hold_cvl_mv == 0 || c->safety.step < STEP_HOLD)",
     "true"),
    ("cvl-above-ovp", "charge.c", "min_i32(cell_mv, ovp_mv - CHARGE_OVP_GUARD_MV)", "min_i32(cell_mv, ovp_mv)"),
    ("falls-wait", "link.c", "if (at_once || (small &&", "if (again || ((small || at_once) &&"),
    ("small-falls-wait", "link.c", "LINK_SMALL_FALL_NS", "LINK_PROBE_NS"),
    ("writing-goes-on", "link.c", "l->stuck = true;", "l->stuck = false;"),
    ("slow-slots-never-judged", "link.c", "if (!l->judged && l->slot >= set_frames(c)) {", "if (false) {"),
    ("probe-with-limits", "link.c", "ask_for_nothing(&say);", ""),
    ("enables-before-limits", "link.c", "if (unheard || l->sent_ma[DIR_CHARGE] == 0) {",
     "if (false) {"),
    ("refused-fall-waits", "link.c", "take_losses(l, in->can_lost);", ""),
    ("falls-of-sets-not-counted", "link.c", "l->small_fall_ns = now_ns;\n\t}\n\tl->sent_ma",
     "}\n\tl->sent_ma"),
    ("protection-forgotten", "cycle_sample.c", "keep_protection(&c->known, &s->bms);", ""),
    ("pack-protection-ignored", "envelope.c",
     "in->cell_max_mv >= bms->pack_ovp_mv - ENVELOPE_CELL_GUARD_MV", "false"),
    ("box-protection-ignored", "envelope.c", "in->hot_dc >= bms->box_otp_dc", "false"),
    ("cold-beyond-99-degrees", "cycle_sample.c", "temperature_resolve(&c->temperature, s);", ""),
    ("glitch-is-heat", "temperature.c", "return !(leapt && leaps_on && goes_back);",
     "return true;"),
    ("heat-for-ever", "temperature.c", "t_ns - m->t_ns > TEMPERATURE_MEMORY_NS ||\n\t    m->dc",
     "m->dc"),
    ("noise-is-an-answer", "bms_link.c", "b->answered = jk_reply_begins(b->head);",
     "b->answered = i > 20;"),
    ("silence-is-absorption", "charge.c", "watch_gap(ch, c, now_ns);", ""),
    ("pack-voltage-unchecked", "cycle_sample.c", "if (c->verdict.pack_valid) {",
     "if (s->pack_mv > 0) {"),
    ("invalid-soc-forgets", "plausible.c", "p->have_soc = true;\n\t}", "}\n\tp->have_soc = usable;"),
    ("word-from-the-future", "arbiter.c",
     "source_fresh(in->now_ns, a->from_ns, g->t_ns,",
     "source_fresh(max_i64(in->now_ns, g->t_ns), a->from_ns, g->t_ns,"),
    ("silence-for-ever", "cycle.c", "c->safety.permit && !asks &&", "c->safety.permit && (asks || true) &&"),
    ("levels-never-latch", "levels.c", "safety_latch(sf, REASON_CRITICAL, sink);", ""),
    ("disobedience-no-hold", "levels.c", "o->hold = over && zero && o->zero_ns >= SAFETY_HOLD_NS;",
     "o->hold = false;"),
    ("disobedience-no-latch", "levels.c", "if (over && o->zero_ns >= SAFETY_DISOBEY_TRIP_NS) {",
     "if (false) {"),
    ("disobedience-no-closing", "levels.c", "o->closed = true;", "o->closed = false;"),
    ("protection-bit-lost", "alarm.c", "{JK_ALARM_CELL_OV, PYLON_CELL_HIGH},", ""),
]
# What cannot break a rule by itself: shows that the harness does not call everything caught.
HARMLESS = {"orders-raise"}


def sources(tree):
    """All C files of the pure core and of the test."""
    files = []
    for folder in ("src/base", "src/proto", "src/core"):
        files += sorted((tree / folder).glob("*.c"))
    files += sorted((ROOT / "tests/lib").glob("*.c"))
    return files + [ROOT / "tests/scenario" / name for name in ("test_property.c", "world_print.c")]


def compile_one(args, tree, source, target):
    """Returns the compiler's complaint, or None."""
    done = subprocess.run(
        [args.cc, "-std=gnu11", "-O1", "-w", "-D_GNU_SOURCE", f"-I{tree}/include",
         f"-I{ROOT}/tests", f"-I{tree}/src/core", "-c", str(source), "-o", str(target)],
        capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else None


def link_all(args, objects, program):
    """One program of all object files."""
    subprocess.run([args.cc, "-o", str(program), *map(str, objects), "-lcmocka"], check=True)


def run(args, program):
    """Returns (failed, the line that says why)."""
    try:
        done = subprocess.run(
            [str(program), "--seed", str(args.seed), "--steps", str(args.steps)],
            capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return True, "it hangs"
    lines = [line for line in done.stdout.splitlines() if line.startswith("VIOLATION")]
    return done.returncode != 0, lines[0] if lines else "a test failed"


def mutate(args, tree, objects, work, row):
    """Returns an error text, or None if the mutation was found."""
    name, file, text, replacement = row
    source = tree / "src/core" / file
    original = source.read_text()
    if original.count(text) != 1 and name != "small-falls-wait":
        return f"its text is {original.count(text)} times in src/core/{file}"
    changed = original.replace(text, replacement)
    source.write_text(changed)
    target = work / f"{name}.o"
    complaint = compile_one(args, tree, source, target)
    source.write_text(original)
    if complaint:
        return f"does not compile: {complaint}"
    program = work / name
    link_all(args, [target if o.name == f"core_{source.stem}.o" else o for o in objects], program)
    failed, why = run(args, program)
    program.unlink()
    if failed == (name in HARMLESS):
        return "survived" if not failed else f"is harmless, but: {why}"
    print(f"PASS {name}: {why if failed else 'harmless, and not called a fault'}", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--steps", type=int, default=20000000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    rows = [row for row in MUTATIONS if not args.name or row[0] in args.name]
    if not rows:
        sys.exit("mutate.py: no such mutation")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        tree = work / "tree"
        shutil.copytree(ROOT / "src", tree / "src")
        shutil.copytree(ROOT / "include", tree / "include")
        objects = []
        for source in sources(tree):
            target = work / f"{source.parent.name}_{source.stem}.o"
            complaint = compile_one(args, tree, source, target)
            if complaint:
                sys.exit(f"mutate.py: {source} does not compile:\n{complaint}")
            objects.append(target)
        link_all(args, objects, work / "unchanged")
        broken, why = run(args, work / "unchanged")
        if broken:
            sys.exit(f"mutate.py: the test fails without any mutation: {why}")
        for row in rows:
            error = mutate(args, tree, objects, work, row)
            if error:
                failed += 1
                print(f"FAIL {row[0]}: {error}", flush=True)
    print(f"{len(rows) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
