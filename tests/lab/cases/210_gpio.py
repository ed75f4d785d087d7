# SPDX-License-Identifier: Apache-2.0
"""Plain tools hold the lines, as the daemon's user: what anybody gets from libgpiod here, seen from
outside the machine. 220 has the daemon and its relay on such lines."""
TITLE = "GPIO: level and pulses seen outside; holder dies: one line falls back, another keeps"
MACHINE = "bench"
SECONDS = 150

import time

from bench import check
from gpio import Gpio

FALLS, KEEPS = 2, 5
AT_ONCE_S = 1.0  # of a host that may be busy
PULSE_MS = 50


def holder_dies(lab, gpio, line):
    """When it was killed."""
    begin = time.monotonic()
    gpio.spawn("holder", gpio.hold(line, 1), user="jkpylon")
    gpio.wait(line, 1, begin)
    other = lab.run(gpio.get(line), check=False)
    check(other["rc"] and "busy" in other["out"].lower(), f"a second user: {other['out']}")
    begin = time.monotonic()
    lab.machine.ask("kill", name="holder", number=9)
    return begin


def falls(lab, gpio):
    killed = holder_dies(lab, gpio, FALLS)
    after = gpio.wait(FALLS, 0, killed) - killed
    lab.note(f"line {FALLS}: 0 seen {after * 1e3:.0f} ms after its holder was killed")
    check(after <= AT_ONCE_S, f"line {FALLS} falls after {after:.2f} s")
    # The line may be seen to fall before the agent has seen its holder's end.
    lab.wait(lambda: lab.machine.lines("holder")["rc"] is not None, 5, "the holder's end")


def keeps(lab, gpio):
    killed = holder_dies(lab, gpio, KEEPS)
    lab.sleep(2)
    check(gpio.lines.level(KEEPS) == 1 and not gpio.lines.edges(KEEPS, killed),
          f"line {KEEPS} does not keep its level: {gpio.lines.seen}")
    # What opens a relay on such a line: somebody who comes after.
    begin = time.monotonic()
    lab.run(gpio.once(KEEPS, 0))
    gpio.wait(KEEPS, 0, begin)
    lab.sleep(1)
    check(gpio.lines.level(KEEPS) == 0, f"line {KEEPS} does not keep 0")


def pulses(lab, gpio):
    begin = time.monotonic()
    gpio.spawn("pulses", gpio.pulse(FALLS, PULSE_MS))
    lab.wait(lambda: len(gpio.lines.edges(FALLS, begin)) >= 40, 25, "20 pulses")
    seen = gpio.lines.edges(FALLS, begin)
    widths = sorted((b[0] - a[0]) * 1e3 for a, b in zip(seen, seen[1:]) if a[1] == 1)
    median = widths[len(widths) // 2]
    lab.note(f"pulses of {PULSE_MS} ms: {widths[0]:.0f} {median:.0f} {widths[-1]:.0f} ms (shortest, "
             "median, longest)")
    check(median >= 0.9 * PULSE_MS, f"median of the pulses {median:.0f} ms")
    lab.machine.ask("killall")
    end = time.monotonic()
    lab.sleep(1.5)
    late = [t - end for t, _ in gpio.lines.edges(FALLS, end + AT_ONCE_S)]
    check(not late, f"edges {late} s after the end")
    check(gpio.lines.level(FALLS) == 0, "the line rests at 0")


def run(lab):
    gpio = Gpio(lab, keep=1 << KEEPS)
    lab.note(gpio.version)
    falls(lab, gpio)
    keeps(lab, gpio)
    for level in (1, 0):
        begin = time.monotonic()
        lab.run(f"echo {level << FALLS} >/sys/module/labgpio/parameters/pull")
        gpio.wait(FALLS, level, begin)
    pulses(lab, gpio)
