# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_64: systemd feeds the watchdog; the kernel panics: reset"
MACHINE = "boot"
SECONDS = 120

import time

from bench import check

TIMEOUT_S = 10
SYSFS = "/sys/class/watchdog/watchdog0"


def run(lab):
    lab.spent = True
    before = lab.machine.place()
    lab.machine.command("set-action", reboot="reset", watchdog="reset")
    lab.run("modprobe i6300esb; udevadm settle; mkdir -p /etc/systemd/system.conf.d; "
            f"printf '[Manager]\\nRuntimeWatchdogSec={TIMEOUT_S}\\n' "
            ">/etc/systemd/system.conf.d/watchdog.conf; systemctl daemon-reexec")
    lab.wait(lambda: lab.out(f"cat {SYSFS}/state") == "active", 20, "systemd has the watchdog")
    check(lab.out(f"cat {SYSFS}/timeout") == str(TIMEOUT_S), "timeout")
    lab.sleep(1.5 * TIMEOUT_S)
    check(not lab.machine.events("WATCHDOG", before), "it bites although it is fed")
    other = lab.run("echo >/dev/watchdog0", check=False)
    check("busy" in other["out"], f"a second feeder: {other['out']}")
    # Does not come back by itself: panic=0.
    lab.run("echo 0 >/proc/sys/kernel/panic; echo 1 >/proc/sys/kernel/sysrq")
    place = lab.machine.place()
    lab.machine.ask("spawn", name="panic", cmd="sleep 0.5; echo c >/proc/sysrq-trigger")
    panic = time.time() + 0.5
    bite = lab.machine.wait_event("WATCHDOG", place, 3 * TIMEOUT_S)
    lab.note(f"RuntimeWatchdogSec={TIMEOUT_S}: reset {bite['t'] - panic:.2f} s after the panic")
    check(bite["t"] - panic <= TIMEOUT_S + 1.5, "bound")
    check("Kernel panic" in lab.machine.console.read_text(errors="replace"), "it was the panic")
    # It starts again; nobody needs it.
    lab.machine.stop()
