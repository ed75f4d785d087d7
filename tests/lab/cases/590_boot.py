# SPDX-License-Identifier: Apache-2.0
"""The machine starts again with the service enabled. Seconds of an emulated processor: they show
that nothing has to be done by hand and in which order, not how fast a board starts."""
TITLE = "boot to the first CAN frame"
MACHINE = "boot"
SECONDS = 240
# A reset leaves the emulated controller's receive buffer out of step if it has received frames
# before: from then on it hands out parts of them.
FRESH = True

from bench import BY_ID, check
from machine import Failure

NODE_UNIT = """[Unit]
DefaultDependencies=no
After=systemd-udev-trigger.service lab-agent.service
[Service]
ExecStartPre=/bin/sh -c 'while ! [ -e /sys/class/net/can1 ]; do sleep 0.1; done'
ExecStartPre=/bin/sh -c 'ip netns add inv; ip link set can1 netns inv'
ExecStartPre=/bin/sh -c 'ip -n inv link set can1 up type can bitrate 500000'
ExecStart=/bin/sh -c 'sleep 1000 | ip netns exec inv python3 /lab/node.py can1 >/run/lab/heard'
[Install]
WantedBy=sysinit.target
"""


def run(lab):
    lab.spent = True
    lab.config(can_manage="yes", failsafe_state=None)
    lab.run("cp /run/lab/jkpylon.conf /etc/jkpylon/jkpylon.conf; "
            f"cat >/etc/systemd/system/lab-node.service <<'E'\n{NODE_UNIT}E\n"
            "systemctl -q enable jkpylond lab-node; sync")
    lab.machine.command("set-action", reboot="reset")
    old = lab.out("cat /proc/sys/kernel/random/boot_id")
    lab.machine.command("system_reset")
    # The agent of the new boot listens on the same port.
    lab.machine.await_boot(old)
    frames = "grep -m 1 ' 359 ' /run/lab/heard"
    heard = lab.run(f"for i in $(seq 300); do {frames} >/dev/null 2>&1 && exit; sleep 0.2; done; "
                    "exit 1", timeout=70, check=False)
    if heard["rc"] != 0:
        raise Failure("no frame within 60 s of the boot\n" + lab.out(
            "ip -d link show can0; head -n 8 /run/lab/heard; journalctl -b --no-pager -o short-monotonic "
            "-u jkpylond -u lab-node | tail -n 30", check=False))
    first = float(lab.out(frames).split()[1])
    limit = "grep ' 351 ' /run/lab/heard | grep -v ' 351 ....00000000' | head -n 1"
    lab.run(f"for i in $(seq 100); do [ -n \"$({limit})\" ] && exit; sleep 0.2; done; exit 1",
            timeout=30)
    ready = lab.out("systemctl show -P ActiveEnterTimestampMonotonic jkpylond")
    restarts = int(lab.out("systemctl show -P NRestarts jkpylond"))
    device = int(lab.out("udevadm info -q property -n $(readlink -f " + BY_ID + ") | "
                         "sed -n s/USEC_INITIALIZED=//p")) / 1e6
    lab.note(f"kernel start to the USB adapter {device:.1f} s, to the service READY "
             f"{int(ready) / 1e6:.1f} s, to the first frame {first:.1f} s; {restarts} restarts of "
             "the service")
    # RestartSec=1, what the daemon itself takes, and a host that may be busy.
    check(first - device <= 15, f"first frame {first - device:.1f} s after the last device")
