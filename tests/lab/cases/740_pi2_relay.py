# SPDX-License-Identifier: Apache-2.0
"""The daemon's relay on a line of the bcm2835, seen in the registers of the chip from outside."""
TITLE = "FLT_28 FLT_29: Raspberry Pi 2: the daemon's relay, level and pulses, guard killed"
MACHINE = "pi2"
SECONDS = 150

import signal
import time

from bench import check, limits
from gpio import Bcm2835

LINE = 17
PULSE_S = 0.100
RELAY = {"failsafe_relay": f"gpiochip0:{LINE}", "failsafe_open_time": "1s"}


def function(lab):
    return Bcm2835(lab, LINE).function()


def level(lab):
    return Bcm2835(lab, LINE).level()


def until(condition, seconds, text):
    """Without a question to the guest: seconds until it is so, to a few milliseconds."""
    begin = time.monotonic()
    while not condition():
        check(time.monotonic() < begin + seconds, f"not within {seconds} s: {text}")
        time.sleep(0.002)
    return time.monotonic() - begin


def closed(lab, **changes):
    check(function(lab) == Bcm2835.INPUT, "an input as long as nobody asks for it")
    lab.start_daemon(**RELAY, **changes)
    until(lambda: level(lab) and function(lab) == Bcm2835.OUTPUT, 30, "the relay closes")
    check(any(limits(f) == (0, 0) for f in lab.frames(0x351)), "after the first frames")


def level_mode(lab):
    closed(lab)
    old = lab.worker()
    lab.run(f"kill -KILL {old}")
    until(lambda: not level(lab), 10, "worker killed: 0")
    check(function(lab) == Bcm2835.OUTPUT, "driven to 0 by the guard")
    lab.wait_worker(old, 20, "a new worker")
    until(lambda: level(lab), 30, "closed again")
    lab.signal(signal.SIGKILL)
    after = until(lambda: function(lab) == Bcm2835.INPUT, 10, "guard killed: an input")
    lab.note(f"guard killed: the line is an input {after * 1e3:.0f} ms later, driven to 0 or "
             "released by the worker before it ends")
    lab.wait_log("the guard has ended: relay opened", 10)
    lab.wait(lambda: lab.worker() == 0, 10, "the worker ends")
    check(function(lab) == Bcm2835.INPUT, "and stays one")


def edges(lab, seconds):
    """Times between changes of level, seen by reading it as often as QEMU answers."""
    last, found, end = level(lab), [], time.monotonic() + seconds
    while time.monotonic() < end:
        now = level(lab)
        if now != last:
            found.append(time.monotonic())
            last = now
    return [b - a for a, b in zip(found, found[1:])]


def pulse_mode(lab):
    closed(lab, failsafe_relay_mode="pulse")
    gaps = sorted(edges(lab, 5))
    check(gaps, "no edges")
    median = gaps[len(gaps) // 2]
    lab.note(f"pulses: {len(gaps) + 1} edges in 5 s, every {gaps[0] * 1e3:.0f} {median * 1e3:.0f} "
             f"{gaps[-1] * 1e3:.0f} ms (shortest, median, longest)")
    # Of an emulation that has to be shared with all else on the host.
    check(PULSE_S - 0.02 <= median <= PULSE_S + 0.03, f"median {median:.3f} s")
    lab.signal(signal.SIGSTOP)
    lab.sleep(0.3)
    check(not edges(lab, 2), "edges of a guard that stands still")
    lab.signal(signal.SIGKILL)
    until(lambda: function(lab) == Bcm2835.INPUT, 10, "guard killed: an input")
    lab.wait(lambda: lab.worker() == 0, 10, "the worker ends")


def run(lab):
    level_mode(lab)
    pulse_mode(lab)
