# SPDX-License-Identifier: Apache-2.0
"""The daemon's relay on a GPIO line that is seen from outside. Times are those of the host."""

import time

from bench import check
from gpio import Gpio

FALLS, KEEPS, CONTACT = 2, 5, 3  # lines of the chip
PERIOD_S = 0.020  # of the guard
# From the line to the time that is taken here, and an emulated processor.
WAY_S = 0.2
CPUS = (0, 1)
SHORT = {"failsafe_open_time": "1s"}


class Relay:
    """Lines of which one keeps its level when its holder dies, and how to make faults."""

    def __init__(self, lab):
        self.lab = lab
        self.gpio = Gpio(lab, keep=1 << KEEPS)
        self.lines = lab.lines
        self.begin = time.monotonic()
        lab.watch(*CPUS)
        lab.machine.ask("spawn", name="killer",
                        cmd=["chrt", "-f", "95", "python3", "/host/plain/killer.py"])
        lab.wait(self.killed, 20, "it is ready to send signals")
        self.ahead = lab.clock_difference()

    def killed(self):
        return self.lab.machine.lines("killer")["lines"]

    def start(self, line, wait=True, **changes):
        """A daemon with this line, waited for as bench.Lab does; returns when the relay closed."""
        begin = time.monotonic()
        self.lab.start_daemon(wait=wait, failsafe_relay=f"labgpio:{line}", **{**SHORT, **changes})
        return self.closed(line, begin)

    def end(self):
        """Of a daemon of which nothing more is wanted."""
        self.lab.machine.ask("kill", name=f"daemon{self.lab.daemons}", number=15)
        return self.lab.wait_end()

    def closed(self, line, since):
        """When it closed."""
        return self.gpio.wait(line, 1, since)

    def signal(self, number, pid):
        """When the signal was sent."""
        before = len(self.killed())
        self.lab.machine.ask("input", name="killer", text=f"{int(number)} {pid}\n")
        self.lab.wait(lambda: len(self.killed()) > before, 20, "the signal is sent")
        return float(self.killed()[before][1]) + self.ahead

    def falls(self, line, since, bound, text):
        """Seconds to level 0, which must not be more than the bound."""
        after = self.gpio.wait(line, 0, since) - since
        pauses = self.lab.pauses(since - self.ahead, *CPUS)
        paused = sum(max(0, min(since + after, end + self.ahead) - max(since, begin + self.ahead))
                     for begin, end in pauses)
        stood = f", {paused * 1e3:.0f} of them the machine stood still" if paused else ""
        self.lab.note(f"{text}: line {line} at 0 after {after * 1e3:.0f} ms{stood}; bound "
                      f"{bound * 1e3:.0f}")
        check(after <= bound + WAY_S + paused, f"{text}: after {after:.3f} s")
        return after

    def steady(self, line, level, seconds, since, text):
        """No edge for so long, and since then."""
        self.lab.sleep(seconds)
        edges = [(t - since, to) for t, to in self.lines.edges(line, since)]
        check(not edges and self.lines.level(line) == level, f"{text}: {edges}")
