# SPDX-License-Identifier: Apache-2.0
"""The Raspberry Pi 2 itself: without these nothing that follows means anything."""
TITLE = "Raspberry Pi 2: realtime kernel, four processors, USB adapters, both channels of the CAN HAT"
MACHINE = "pi2"
SECONDS = 60

from bench import check


def run(lab):
    check("PREEMPT_RT" in lab.out("uname -v"), "the kernel is no PREEMPT_RT kernel")
    check(lab.out("cat /sys/kernel/realtime") == "1", "/sys/kernel/realtime is not 1")
    model = lab.out("tr -d '\\0' </proc/device-tree/model")
    check("Raspberry Pi 2" in model, f"model {model}")
    # 0xc07: Cortex-A7
    parts = lab.out("sed -n 's/^CPU part.*: //p' /proc/cpuinfo").split()
    check(parts == ["0xc07"] * 4, f"processors {parts}")
    lab.run("modprobe spi-bcm2835")
    for device, line in (("spi0.0", 23), ("spi0.1", 25)):
        place = f"/sys/bus/spi/devices/{device}"
        lab.wait(lambda: lab.run(f"[ -e {place} ]", check=False)["rc"] == 0, 10, device)
        check(lab.out(f"cat {place}/modalias") == "spi:mcp2515", f"{device} is no mcp2515")
        interrupt = lab.out(f"od -An -tx1 {place}/of_node/interrupts").split()
        check(interrupt == f"00 00 00 {line:02x} 00 00 00 08".split(),
              f"{device}: interrupt {interrupt}, not level low on GPIO {line}")
    lab.note(lab.out("dmesg | grep -iE 'spi|mcp251' | tail -n 5"))
    lab.note(f"{lab.out('uname -r')}, {lab.out('free -m | sed -n 2p')}")
