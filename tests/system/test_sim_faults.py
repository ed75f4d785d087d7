#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ladder on the whole daemon: a fault on the BMS line, 0 A, trip, and the way back by itself.

One simulator and one daemon for every fault, all at the same time: the way back alone takes the
30 s that the relay stays open. The times are those of SAFETY with stale 1 s and trip 3 s; the
reference is the last good reply before the fault, so the earliest moment is a poll before it.
"""

import os
import subprocess
import threading
import time
import unittest

from sim_bench import CAN_FRAME, SLOW, Sim, wait_until
from test_sim_replay import Listener

DAEMON = os.environ["JKPYLON"]
STALE_S, TRIP_S, POLL_S, OPEN_S = 1.0, 3.0, 0.25, 30.0
# a period of the cycle, of the log and of this program on a busy machine
SLACK_S = 0.25 * SLOW
CONFIG = """
[bms]
device = {link}
poll = 250ms
stale = 1s
trip = 3s
[can]
interface = unix:{bus}
manage = no
[limits]
rise = 100A/s
calm = 0s
[rt]
required = no
stats = {folder}/stats
[failsafe]
state = {folder}/state
"""
# id of the fault, what starts it, what ends it (nothing: it ends by itself)
FAULTS = [
    ("FLT_01_silent", "silent on", "silent off"),
    ("FLT_02_unplugged", "unplug 5", None),
    ("FLT_06_noisy", "noise 0.2", "noise 0"),
    ("FLT_06_wrong_sum", "badsum on", "badsum off"),
    ("FLT_04_truncated", "truncate 200", "truncate off"),
    ("FLT_10_slow_drip", "drip 10", "drip off"),
    ("FLT_10_garbage", "garbage 100000", "garbage off"),
]


class Bus(Listener):
    """Remembers when the limits became what they are."""

    def run(self):
        self.zero_at = None
        self.up_at = None
        self.both = (0, 0)
        while True:
            record = self.socket.recv(CAN_FRAME.size)
            if not record:
                self.socket.close()
                return
            ident, _, data = CAN_FRAME.unpack(record)
            if ident != 0x351:
                continue
            both = (int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:6], "little"))
            if both == (0, 0) and self.both != (0, 0):
                self.zero_at = time.monotonic()
            if both != (0, 0) and self.both == (0, 0):
                self.up_at = time.monotonic()
            self.both = both


class Log(threading.Thread):
    """Lines of the daemon with the time they came."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.lines = []

    def run(self):
        for line in self.pipe:
            self.lines.append((time.monotonic(), line.strip()))

    def since(self, t, text):
        """Return: time of the first line with text after t, or None."""
        return next((at for at, line in list(self.lines) if at >= t and text in line), None)


class Fault(threading.Thread):
    def __init__(self, name, begin, end):
        super().__init__()
        self.name, self.begin, self.end = name, begin, end
        self.errors = []

    def expect(self, condition, text):
        if not condition:
            self.errors.append(f"{self.name}: {text}")
        return condition

    def between(self, value, low, high, text):
        self.expect(value is not None and low <= value <= high,
                    f"{text} after {value} s, expected {low:.2f} to {high:.2f} s")

    def ladder(self, sim, log, bus):
        up = wait_until(lambda: bus.both[0] > 0 and bus.both[1] > 0, 15)
        if not self.expect(up, "no limits before the fault"):
            return
        t0 = time.monotonic()
        sim.ok(self.begin)
        zero = wait_until(lambda: bus.both == (0, 0), STALE_S + 3)
        self.expect(zero, "no 0 A")
        self.between(bus.zero_at - t0 if zero else None,
                     STALE_S - POLL_S - SLACK_S, STALE_S + SLACK_S, "0 A")
        wait_until(lambda: log.since(t0, "ladder: trip"), TRIP_S + 3)
        trip = log.since(t0, "ladder: trip")
        self.between(trip - t0 if trip else None,
                     TRIP_S - POLL_S - SLACK_S, TRIP_S + SLACK_S, "trip")
        if trip is None:
            return
        if self.end:
            time.sleep(1)
            sim.ok(self.end)
        # The relay opens 2 s after 0 A was said, which is the trip here, for at least 30 s.
        self.expect(wait_until(lambda: bus.both[0] > 0, OPEN_S + 15), "no way back")
        self.between((bus.up_at or 0) - trip, OPEN_S - SLACK_S, OPEN_S + 10 * SLOW, "run again")

    def run(self):
        with Sim("--inverter", "BUS") as sim:
            config = os.path.join(sim.dir, "conf")
            with open(config, "w", encoding="ascii") as f:
                f.write(CONFIG.format(link=sim.link, bus=sim.bus_path, folder=sim.dir))
            with subprocess.Popen([DAEMON, "--config", config], stderr=subprocess.PIPE,
                                  text=True) as daemon:
                log = Log(daemon.stderr)
                log.start()
                try:
                    if self.expect(wait_until(lambda: os.path.exists(sim.bus_path), 10),
                                   "the daemon did not start"):
                        bus = Bus(sim.bus_path)
                        bus.daemon = True
                        bus.start()
                        self.ladder(sim, log, bus)
                    daemon.terminate()
                    self.expect(wait_until(lambda: daemon.poll() is not None, 10), "no stop")
                finally:
                    if daemon.poll() is None:
                        daemon.kill()
                    log.join(2)
                if self.errors:
                    self.errors += [f"    {at:.3f} {line}" for at, line in log.lines[-25:]]


class Ladder(unittest.TestCase):
    def test_FLT_01_FLT_02_FLT_04_FLT_06_FLT_10_the_ladder_on_a_broken_line(self):
        faults = [Fault(*row) for row in FAULTS]
        for fault in faults:
            fault.start()
        for fault in faults:
            fault.join()
        errors = [line for fault in faults for line in fault.errors]
        self.assertEqual(errors, [], "\n" + "\n".join(errors))


if __name__ == "__main__":
    unittest.main(verbosity=2)
