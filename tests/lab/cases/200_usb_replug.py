# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_02 FLT_03: adapter unplugged, back under the same and under another name"
MACHINE = "bench"
SECONDS = 150

from bench import BY_ID, check

LATENCY = "/sys/class/tty/$(basename $(readlink -f {}))/device/latency_timer"
# QEMU gives a second adapter the free name first.
OTHER = {"driver": "usb-serial", "id": "otherusb", "bus": "xhci.0", "serial": "OTHER",
         "always-plugged": True, "chardev": "other"}


def replug(lab, name, between):
    opens, losses = (lab.stats()[0][key] for key in ("opens", "losses"))
    out = lab.now()
    lab.unplug()
    lab.wait(lambda: lab.stats()[0]["losses"] > losses, 3, "loss noticed")
    lost = lab.now()
    zero = lab.wait_limits(lambda c, d: (c, d) == (0, 0), 5, "0 A", out)
    check(zero.t - out <= 1.0 + 0.1 + 0.3 + 0.25, f"0 A after {zero.t - out:.2f} s, stale is 1 s")
    between(lab)
    lab.plug()
    back = lab.run(f"while ! [ -e {BY_ID} ]; do sleep 0.02; done", timeout=15)["end"]
    check(lab.out(f"readlink -f {BY_ID}") == name, f"the adapter is not {name}")
    # The log tells an opening once in 10 s only.
    lab.wait(lambda: lab.stats()[0]["opens"] > opens, 5, "device opened again")
    again = lab.now()
    limit = lab.wait_limits(lambda c, d: d > 0, 15, "limits above 0 A again", back)
    lab.note(f"{name}: lost seen after {lost - out:.2f} s, 0 A after {zero.t - out:.2f} s; back: "
             f"open after {again - back:.2f} s, limits after {limit.t - back:.2f} s")
    check(again - back <= 2.5, "bound of 2.5 s")
    check(lab.out("cat " + LATENCY.format(BY_ID)) == "1", "latency timer of the new device")


def take_name(lab):
    lab.machine.command("device_add", **OTHER)
    lab.run("while ! [ -e /dev/ttyUSB0 ]; do sleep 0.05; done", timeout=15)


def run(lab):
    lab.run(f"echo 16 >{LATENCY.format(BY_ID)}")
    lab.start_daemon(bms_stale="1s", bms_trip="60s")
    check(lab.out("cat " + LATENCY.format(BY_ID)) == "1", "latency timer set to 1 ms")
    replug(lab, "/dev/ttyUSB0", lambda _: None)
    lab.machine.command("chardev-add", id="other", backend={"type": "null", "data": {}})
    try:
        replug(lab, "/dev/ttyUSB1", take_name)
    finally:
        lab.machine.command("device_del", id="otherusb")
        lab.unplug()
        lab.run("while [ -e /dev/ttyUSB0 ] || [ -e /dev/ttyUSB1 ]; do sleep 0.05; done",
                timeout=15)
        lab.machine.command("chardev-remove", id="other")
