# SPDX-License-Identifier: Apache-2.0
"""The bench itself: without these nothing that follows means anything."""
TITLE = "bench: realtime kernel, two controllers, USB adapter, agent"
MACHINE = "bench"
SECONDS = 30

from bench import BY_ID, check


def run(lab):
    check("PREEMPT_RT" in lab.out("uname -v"), "the kernel is no PREEMPT_RT kernel")
    check(lab.out("cat /sys/kernel/realtime") == "1", "/sys/kernel/realtime is not 1")
    lab.run("ip link set can0 up type can bitrate 500000")
    lab.start_node()
    before = lab.now()
    lab.run("cansend can0 351#1402C2012C01D401")
    frame = lab.wait(lambda: lab.frames(0x351), 5, "a frame from controller to controller")[0]
    check(frame.data.hex() == "1402c2012c01d401", f"frame {frame}")
    check(0 <= frame.t - before < 2, f"its time {frame.t} is not near {before}")
    check(lab.out(f"readlink -f {BY_ID}") == "/dev/ttyUSB0", "no /dev/ttyUSB0 under its by-id name")
    lab.fault("cable", 0)
    lab.fault("cable", 1)
    lab.note(lab.out("uname -r") + ", " + lab.out("systemctl --version | head -n 1"))
