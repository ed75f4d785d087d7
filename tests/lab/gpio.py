# SPDX-License-Identifier: Apache-2.0
"""GPIO lines of a guest: seen from outside, and held by gpioset in the guest. libgpiod 1.6 and 2 have
different options for the same."""

import contextlib
import threading
import time

from machine import connect


class Lines:
    """What an isa-debugcon gets from kmod/labgpio.c: (time.monotonic() of the host, levels)."""

    def __init__(self, path):
        self.seen = []
        self.socket = connect(path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while data := self.socket.recv(256):
                t = time.monotonic()
                self.seen += [(t, levels) for levels in data]

    def edges(self, line, since=0.0):
        """[(time, level)...] of one line, each a change."""
        found, last = [], None
        for t, levels in list(self.seen):
            level = levels >> line & 1
            if last not in (None, level) and t >= since:
                found.append((t, level))
            last = level
        return found

    def level(self, line):
        return self.seen[-1][1] >> line & 1


class Bcm2835:
    """A line of the Raspberry Pi's own chip in its registers, as the machine monitor reads them; see
    BCM2835 ARM Peripherals, 6.1: three bits a line, ten lines a word; one bit a line. The level of an
    input is that of whatever is connected, and nothing is."""

    INPUT, OUTPUT = 0, 1
    FUNCTIONS, LEVELS = 0x3F200000, 0x3F200034

    def __init__(self, lab, line):
        self.machine = lab.machine
        self.line = line

    def function(self):
        return self.machine.word(self.FUNCTIONS + self.line // 10 * 4) >> self.line % 10 * 3 & 7

    def level(self):
        return self.machine.word(self.LEVELS) >> self.line & 1


class Gpio:
    """The chip, loaded anew, with the rights that our rules give it. keep: lines that keep their
    level when their holder dies."""

    def __init__(self, lab, keep):
        self.lab = lab
        self.lines = lab.lines
        self.lines.seen.clear()
        lab.run(f"modprobe labgpio keep={keep:#x} && udevadm settle")
        lab.wait(lambda: self.lines.seen, 5, "a level of the lines arrives outside")
        self.chip = lab.out("gpiodetect | awk '/labgpio/ { print $1 }'")
        self.version = lab.out("gpioset --version | head -n 1")
        self.two = " v2" in self.version

    def hold(self, line, level):
        """Command that holds the line until it is ended."""
        return f"gpioset {f'-c {self.chip}' if self.two else f'--mode=signal {self.chip}'} {line}={level}"

    def once(self, line, level):
        """Command that sets the line and lets it go."""
        return f"gpioset {f'-t0 -c {self.chip}' if self.two else self.chip} {line}={level}"

    def pulse(self, line, ms):
        """Command that makes pulses for ever: libgpiod 1 starts a program for each."""
        if self.two:
            return f"gpioset -t {ms}ms -c {self.chip} {line}=1"
        return (f"sh -c 'while :; do gpioset --mode=time --usec={ms}000 {self.chip} {line}=1; "
                f"sleep {ms / 1e3}; done'")

    def get(self, line):
        return f"gpioget {'-c ' if self.two else ''}{self.chip} {line}"

    def spawn(self, name, command, user=""):
        become = f"setpriv --reuid={user} --regid={user} --init-groups --" if user else ""
        self.lab.machine.ask("spawn", name=name, cmd=f"exec {become} {command}")

    def wait(self, line, level, since):
        """Time of the first edge to this level, on the host's clock."""
        return self.lab.wait(
            lambda: next((t for t, to in self.lines.edges(line, since) if to == level), None),
            20, f"line {line} at {level}; seen last: {self.lines.seen[-5:]}")
