# SPDX-License-Identifier: Apache-2.0
"""The daemon feeds the kernel's software watchdog, see 790 about the chip's own."""
TITLE = "FLT_63: Raspberry Pi 2: the daemon feeds a watchdog; guard killed: reset"
MACHINE = "pi2"
SECONDS = 90

import signal
import time

from bench import check

TIMEOUT_S = 5


def run(lab):
    lab.spent = True
    # It has the longer timeout of its own until the daemon sets another.
    lab.run("modprobe softdog soft_margin=30 && modprobe bcm2835_wdt")
    lab.start_daemon(failsafe_watchdog="/dev/watchdog0", failsafe_watchdog_time=f"{TIMEOUT_S}s")
    lab.wait_log(f"hardware watchdog Software Watchdog: timeout {TIMEOUT_S} s", 10)
    old = lab.worker()
    lab.run(f"kill -KILL {old}")
    lab.wait_worker(old, 20, "a new worker")
    lab.sleep(1.6 * TIMEOUT_S)
    check(lab.machine.process.poll() is None, "the machine runs while the watchdog is fed")
    killed = time.monotonic()
    lab.signal(signal.SIGKILL)
    seconds = lab.machine.wait_reset(killed, TIMEOUT_S + 10)
    lab.note(f"timeout {TIMEOUT_S} s: reset {seconds:.1f} s after the guard was killed")
    check(TIMEOUT_S - 0.5 <= seconds <= TIMEOUT_S + 3, f"{seconds:.1f} s")
