# SPDX-License-Identifier: Apache-2.0
"""A line of the bcm2835 that a program holds for the relay, seen where the relay would be: in the
registers of the chip, from outside. The level of an input is not looked at: it is that of whatever is
connected, and nothing is."""
TITLE = "Raspberry Pi 2: level of a relay line, and what its holder's end makes of it"
MACHINE = "pi2"
SECONDS = 60

import signal

from bench import check
from gpio import Bcm2835

LINE = 17


def function(lab):
    return Bcm2835(lab, LINE).function()


def level(lab):
    return Bcm2835(lab, LINE).level()


def hold(lab, name, value):
    """gpioset that keeps the line until it is ended; libgpiod 1.6 and 2 differ in their options."""
    new = lab.out("gpioset --version | head -n 1").split()[-1].startswith("v2")
    what = "-c gpiochip0" if new else "--mode=signal gpiochip0"
    lab.machine.ask("spawn", name=name, cmd=f"exec gpioset {what} {LINE}={value}")
    lab.wait(lambda: (function(lab), level(lab)) == (Bcm2835.OUTPUT, value), 5,
             f"output at {value}")


def run(lab):
    check(function(lab) == Bcm2835.INPUT, "an input as long as nobody asks for it")
    for value in (1, 0):
        hold(lab, f"holder{value}", value)
        lab.machine.ask("kill", name=f"holder{value}", number=signal.SIGTERM)
        lab.wait(lambda: function(lab) == Bcm2835.INPUT, 5,
                 "an input after the holder's orderly end")
    hold(lab, "holder", 1)
    before = lab.now()
    lab.machine.ask("kill", name="holder", number=signal.SIGKILL)
    lab.wait(lambda: function(lab) == Bcm2835.INPUT, 5, "an input after the holder was killed")
    lab.note(f"holder killed: the line is an input after at most {lab.now() - before:.2f} s; a "
             "resistor has to pull it to the safe side")
    told = lab.out("cat /sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs 2>/dev/null || "
                   "echo 'none, always so'")
    lab.note(f"pinctrl_bcm2835.persist_gpio_outputs: {told}")
