# SPDX-License-Identifier: Apache-2.0
"""The emulated watchdog alone, with a plain feeder; 581 has the daemon in its place."""
TITLE = "FLT_63: hardware watchdog: fed it is quiet, unfed it resets the machine"
MACHINE = "boot"
SECONDS = 240

import time

from bench import check

TIMEOUT_S = 4
DEVICE = "/dev/watchdog0"
SYSFS = "/sys/class/watchdog/watchdog0"


def run(lab):
    lab.run("modprobe i6300esb; udevadm settle")
    check(lab.out(f"cat {SYSFS}/identity") == "i6300ESB timer", "another watchdog than expected")
    check(lab.out(f"cat {SYSFS}/bootstatus") == "0", "no reset before")
    lab.machine.command("set-action", reboot="reset", watchdog="reset")
    old = lab.out("cat /proc/sys/kernel/random/boot_id")
    place = lab.machine.place()
    lab.machine.ask("spawn", name="feeder",
                    cmd=["python3", "/host/plain/feeder.py", DEVICE, str(TIMEOUT_S)])
    lab.wait(lambda: lab.machine.lines("feeder")["lines"], 10, "the feeder feeds")
    lab.sleep(2.5 * TIMEOUT_S)
    check(not lab.machine.events("WATCHDOG"), "it bites although it is fed")
    killed = time.time()
    lab.machine.ask("kill", name="feeder", number=9)
    bite = lab.machine.wait_event("WATCHDOG", place, 3 * TIMEOUT_S)
    lab.machine.wait_event("RESET", place, 5)
    after = bite["t"] - killed
    lab.note(f"timeout {TIMEOUT_S} s: reset {after:.2f} s after the feeder was killed")
    # It had fed within the last half second.
    check(TIMEOUT_S - 0.7 <= after <= TIMEOUT_S + 1.5, f"reset after {after:.2f} s")
    lab.machine.await_boot(old)
    lab.set_up()
    lab.run("modprobe i6300esb; udevadm settle")
    check(lab.out(f"cat {SYSFS}/bootstatus") == "32", "the new boot knows that the watchdog did it")
