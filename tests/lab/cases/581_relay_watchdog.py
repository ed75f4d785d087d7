# SPDX-License-Identifier: Apache-2.0
"""The daemon feeds the hardware watchdog: a guard that is gone or stands still resets the machine.
What was latched is on disk by then, whenever the machine is reset. CAN is a virtual interface here:
the emulated controllers hand out parts of frames after a reset if they have received before it."""
TITLE = "FLT_62 FLT_63: the daemon and the hardware watchdog; its state survives each reset"
MACHINE = "boot"
SECONDS = 900

import os
import random
import signal
import time

from bench import check, limits

TIMEOUT_S = 5
LATE_S = 1.5
EARLY_S = 0.3  # it is fed every 20 ms, but the way of an order to the guest counts
SYSFS = "/sys/class/watchdog/watchdog0"
BUS = "vcan0"
STATE = "/var/lib/jkpylon/state"
ROUNDS = 5 if os.environ.get("JKP_LONG") == "1" else 2
CRITICAL_V = 3.72


def set_up(lab):
    lab.run("modprobe i6300esb; udevadm settle; mkdir -p /var/lib/jkpylon /run/lab")
    lab.run(f"modprobe vcan; ip link add {BUS} type vcan; ip link set {BUS} up")
    lab.machine.ask("spawn", name="node0", cmd=["python3", "/lab/node.py", BUS])
    lab.daemons, lab.nodes = 0, 1


def start(lab, **changes):
    lab.start_daemon(can_interface=BUS, can_manage="no", failsafe_watchdog="/dev/watchdog0",
                     failsafe_watchdog_time=f"{TIMEOUT_S}s", failsafe_state=STATE,
                     failsafe_open_time="1s", **changes)
    lab.wait_log(f"hardware watchdog i6300ESB timer: timeout {TIMEOUT_S} s", 10)


def booted(lab, old):
    lab.machine.await_boot(old)
    lab.set_up()
    set_up(lab)


def boot_id(lab):
    return lab.out("cat /proc/sys/kernel/random/boot_id")


def fed_and_stopped(lab):
    place = lab.machine.place()
    start(lab)
    lab.sleep(2.5 * TIMEOUT_S)
    check(not lab.machine.events("WATCHDOG", place), "it bites although it is fed")
    check(lab.out(f"cat {SYSFS}/state") == "active", "it runs")
    # A worker that is replaced is nothing to reset the machine for.
    old = lab.worker()
    lab.run(f"kill -STOP {old}")
    lab.wait_worker(old, 10, "a new worker")
    lab.sleep(TIMEOUT_S)
    check(not lab.machine.events("WATCHDOG", place), "it bites while a worker is replaced")
    lab.signal(signal.SIGTERM)
    check(lab.wait_end() == 0, "orderly stop")
    check(lab.out(f"cat {SYSFS}/state") == "inactive", "an orderly stop stops it")
    lab.sleep(1.5 * TIMEOUT_S)
    check(not lab.machine.events("WATCHDOG", place), "it bites after an orderly stop")


def latch(lab):
    begin = lab.now()
    lab.bms(f"cell 3 {CRITICAL_V}")
    lab.wait_log("latched fault: critical", 10, begin)
    lab.bms("cell 3 free")


def latched(lab):
    """Of the daemon that has just started."""
    lab.wait_log("latched fault: critical: the relay stays open", 10)
    lab.wait(lambda: len(lab.frames(0x351)) >= 3, 15, "frames")
    check(not any(any(limits(f)) for f in lab.frames(0x351)), "limits although latched")


def acknowledge(lab):
    lab.wait(lambda: lab.ask_daemon("--ack")[0] == 0, 15, "acknowledged")


def bitten(lab, text, number):
    """The guard ends or stops; what it had latched is still latched in the next boot."""
    latch(lab)
    lab.sleep(0.5)
    old, place = boot_id(lab), lab.machine.place()
    begin = time.time()
    lab.signal(number)
    bite = lab.machine.wait_event("WATCHDOG", place, 3 * TIMEOUT_S)
    lab.machine.wait_event("RESET", place, 5)
    after = bite["t"] - begin
    lab.note(f"{text}: reset after {after:.2f} s, timeout {TIMEOUT_S} s")
    check(TIMEOUT_S - EARLY_S <= after <= TIMEOUT_S + LATE_S, f"{text}: reset after {after:.2f} s")
    booted(lab, old)
    start(lab, wait=False)
    lab.wait_log("last boot, says the watchdog: reset by the watchdog", 10)
    latched(lab)
    acknowledge(lab)
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A")


def torn(lab):
    """The machine is reset around the time when an acknowledgement is written to disk."""
    latch(lab)
    lab.sleep(0.5)
    old = boot_id(lab)
    lab.machine.ask("spawn", name=f"ack{time.monotonic()}",
                    cmd="exec jkpylond --config /run/lab/jkpylon.conf --ack")
    time.sleep(random.uniform(0, 0.4))
    lab.machine.command("system_reset")
    booted(lab, old)
    start(lab, wait=False)
    lab.wait(lambda: len(lab.frames(0x351)) >= 3, 15, "frames")
    said = [line for _, line in lab.log() if "latched fault:" in line]
    check(not said or "critical" in said[0], f"neither the old nor the new state: {said}")
    if said:
        latched(lab)
        acknowledge(lab)
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A")
    return "old" if said else "new"


def run(lab):
    # QEMU keeps what was written to the disk when it resets the machine.
    lab.machine.command("set-action", reboot="reset", watchdog="reset")
    set_up(lab)
    lab.run("rm -rf /var/lib/jkpylon/*")
    fed_and_stopped(lab)
    start(lab)
    bitten(lab, "guard killed", signal.SIGKILL)
    bitten(lab, "guard stopped", signal.SIGSTOP)
    found = [torn(lab) for _ in range(ROUNDS)]
    lab.note(f"reset while it was written: state afterwards {', '.join(found)}")
    lab.signal(signal.SIGTERM)
    check(lab.wait_end() == 0, "orderly stop")
