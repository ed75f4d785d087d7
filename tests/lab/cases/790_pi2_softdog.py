# SPDX-License-Identifier: Apache-2.0
"""The kernel's software watchdog. The chip's own is only loaded, for the reset: to open it resets
the emulated machine at once."""
TITLE = "Raspberry Pi 2: a starved watchdog resets the machine"
MACHINE = "pi2"
SECONDS = 60

import signal
import time

from bench import check

MARGIN_S = 5
DEVICE = "/dev/watchdog0"


def run(lab):
    lab.spent = True
    lab.run(f"modprobe softdog soft_margin={MARGIN_S} && modprobe bcm2835_wdt")
    identity = lab.out("cat /sys/class/watchdog/watchdog0/identity")
    check(identity == "Software Watchdog", f"{DEVICE} is \"{identity}\"")
    lab.machine.ask("spawn", name="feeder",
                    cmd=f"exec 3>{DEVICE}; while :; do echo >&3; sleep 1; done")
    lab.sleep(MARGIN_S + 3)
    check(lab.machine.process.poll() is None, "the machine runs while the watchdog is fed")
    lab.machine.ask("kill", name="feeder", number=signal.SIGKILL)
    killed = time.monotonic()
    seconds = lab.machine.wait_reset(killed, MARGIN_S + 10)
    lab.note(f"margin {MARGIN_S} s: reset {seconds:.1f} s after the feeder was killed")
    check(MARGIN_S - 1.5 <= seconds <= MARGIN_S + 3, f"{seconds:.1f} s")
