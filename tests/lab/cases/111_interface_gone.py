# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_19: interface removed and made anew (PCI)"
MACHINE = "bench"
SECONDS = 90

from bench import check


def run(lab):
    lab.start_daemon()
    before = int(lab.out("cat /sys/class/net/can0/ifindex"))
    gone = lab.run("echo 1 >$(readlink -f /sys/class/net/can0/device)/remove")["end"]
    seen = lab.wait_log("CAN: absent", 3, gone - 1)
    lab.sleep(2)
    check(lab.daemon()["rc"] is None, f"the daemon ended: {lab.log()[-5:]}")
    check(not lab.frames(since=gone + 0.1), "frames without an interface")
    lab.run("echo 1 >/sys/bus/pci/rescan")
    back = lab.run("while ! [ -e /sys/class/net/can0 ]; do sleep 0.02; done", timeout=10)["end"]
    after = int(lab.out("cat /sys/class/net/can0/ifindex"))
    check(after != before, "the interface has a new index")
    frame = lab.wait(lambda: lab.frames(0x359, gone + 0.1), 5, "frames again")[0]
    lab.note(f"gone: seen {max(seen - gone, 0):.2f} s after; back: frames after {frame.t - back:.2f} s")
    check(frame.t - back <= 2.3, "bound of 2 s after the return")
    lab.wait_limits(lambda c, d: d > 0, 15, "limits above 0 A again", back)
    check("bitrate 500000" in lab.out("ip -d link show can0"), "bit rate set anew")
    values, _ = lab.stats()
    check(values["reopens"] >= 1, "counted as reopened")
