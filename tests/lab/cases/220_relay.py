# SPDX-License-Identifier: Apache-2.0
"""The relay on a line of a GPIO chip, in level mode: closed when all is well, open in time after
each fault, on a line that falls when its holder dies and on one that keeps its level."""
TITLE = "FLT_01 FLT_28 FLT_29 SAF_18: relay on a GPIO line: worker, guard, BMS, a second instance"
MACHINE = "bench"
SECONDS = 300

import signal
import time

from bench import CONFIG, DAEMON, check, limits
from relay import FALLS, KEEPS, PERIOD_S, Relay

BEAT_S = 0.300
TRIP_S = 3.0
ORPHAN_S = 0.100  # of a worker whose guard is gone
AGE_S = 0.8  # of the newest sample when the BMS falls silent: one poll, and one that was late
QUICK = {"failsafe_beat": "300ms", "bms_stale": "1s", "bms_trip": "3s"}


def first_closing(lab, relay):
    begin = time.monotonic()
    closed = relay.start(FALLS, **QUICK)
    edges = relay.lines.edges(FALLS, relay.begin)
    check([level for _, level in edges] == [1], f"one edge until it is closed: {edges}")
    lab.wait_log("relay closed", 5)
    lab.note(f"start to closed {closed - begin:.2f} s, with failsafe.open_time=1s")
    frame = lab.frames()[0]
    check(limits(lab.frames(0x351)[0]) == (0, 0) and frame.t + relay.ahead < closed,
          "frames come before the relay closes")


def worker(lab, relay):
    guard, old = lab.processes()
    t0 = relay.signal(signal.SIGKILL, old)
    relay.falls(FALLS, t0, PERIOD_S, "worker killed")
    new = lab.wait_worker(old, 10, "a new worker")
    t1 = relay.closed(FALLS, t0)
    check(t1 - t0 >= 1.0, f"closed again after {t1 - t0:.2f} s already")
    lab.note(f"worker killed: closed again after {t1 - t0:.2f} s")

    t0 = relay.signal(signal.SIGSTOP, new)
    relay.falls(FALLS, t0, BEAT_S + PERIOD_S, f"worker stopped, beat {BEAT_S * 1e3:.0f} ms")
    lab.wait_worker(new, 10, "a new worker")
    relay.closed(FALLS, t0)
    check(lab.processes()[0] == guard, "the guard goes on")


def silent(lab, relay):
    t0 = time.monotonic()
    lab.bms("silent on")
    after = relay.falls(FALLS, t0, TRIP_S + 0.1, f"BMS silent, bms.trip {TRIP_S:.0f} s")
    check(after >= TRIP_S - AGE_S, "too early: the trip has its time")
    t0 = time.monotonic()
    lab.bms("silent off")
    t1 = relay.closed(FALLS, t0)
    lab.note(f"BMS back: closed again after {t1 - t0:.2f} s")


def second_instance(lab, relay):
    """Of the same configuration, and of another one with the same line."""
    since = time.monotonic()
    text = lab.out(f"cat {CONFIG}")
    other = text.replace("[rt]\n", "") + "\n[rt]\nstats = /run/lab/other\n"
    other = other.replace("/run/lab/state", "/run/lab/state2")
    lab.run(f"cat >/run/lab/other.conf <<'E'\n{other}\nE")
    for config, words in ((CONFIG, "another jkpylon is running"),
                          ("/run/lab/other.conf", "in use by \"jkpylon\"")):
        answer = lab.run(f"{DAEMON} --config {config}", check=False, timeout=20)
        check(answer["rc"] == 2 and words in answer["out"],
              f"exit status {answer['rc']}: {answer['out']}")
        lab.note(next(line for line in answer["out"].splitlines() if words in line))
    relay.steady(FALLS, 1, 1, since, "the first instance is disturbed")
    code, said = lab.ask_daemon("--open-relay")
    check(code == 2, f"--open-relay beside a running daemon: {code} {said}")
    relay.steady(FALLS, 1, 1, since, "the relay of a running daemon opens")


def orderly_stop(lab, relay):
    begin = lab.now()
    lab.signal(signal.SIGTERM)
    t1 = relay.gpio.wait(FALLS, 0, begin + relay.ahead) - relay.ahead
    check(lab.wait_end() == 0, f"exit status {lab.daemon()['rc']}")
    zero = next(f for f in lab.frames(0x351, begin) if limits(f) == (0, 0))
    check(zero.t <= t1, "0 A comes first")
    lab.note(f"stopped: 0 A after {zero.t - begin:.2f} s, line {FALLS} at 0 after "
             f"{t1 - begin:.2f} s")


def guard_killed(lab, relay, line):
    relay.start(line)
    guard, _ = lab.processes()
    begin = lab.now()
    t0 = relay.signal(signal.SIGKILL, guard)
    relay.falls(line, t0, ORPHAN_S, "guard killed")
    lab.wait(lambda: lab.worker() == 0, 10, "the worker ends")
    lab.wait_log("the guard has ended: relay opened", 5, begin)
    check(limits(lab.frames(0x351, begin)[-1]) == (0, 0), "last limits are not 0 A")
    relay.steady(line, 0, 1, t0 + 2, f"line {line} without a guard")


def all_killed(lab, relay):
    """Nobody is left: the line keeps its level, until the service's last order."""
    relay.start(KEEPS)
    guard, _ = lab.processes()
    t0 = relay.signal(signal.SIGKILL, -guard)
    relay.steady(KEEPS, 1, 2, t0, "a line that is to keep its level")
    # The administrator has named another line meanwhile: what is closed is the one before.
    lab.config(failsafe_relay=f"labgpio:{FALLS}")
    t0 = time.monotonic()
    code, said = lab.ask_daemon("--open-relay")
    check(code == 0, f"--open-relay: {code} {said}")
    relay.gpio.wait(KEEPS, 0, t0)
    lab.note(f"all killed: line {KEEPS} stays at 1; --open-relay: \"{said.strip()}\"")


def run(lab):
    relay = Relay(lab)
    lab.note(relay.gpio.version)
    first_closing(lab, relay)
    worker(lab, relay)
    silent(lab, relay)
    second_instance(lab, relay)
    orderly_stop(lab, relay)
    guard_killed(lab, relay, FALLS)
    guard_killed(lab, relay, KEEPS)
    all_killed(lab, relay)
