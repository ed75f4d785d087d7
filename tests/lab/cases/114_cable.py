# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_21 FLT_22: cable off, nobody acknowledges; cable back, nothing old on the bus"
MACHINE = "bench"
SECONDS = 150

from bench import check


def soc(frame):
    return frame.data[0]


def run(lab):
    # A trip and its 10 s of recovery are the subject of others.
    lab.start_daemon(can_manage="yes", bms_trip="60s")
    lab.fault("cable", 1)
    lab.wait(lambda: [f for f in lab.frames(0x355) if soc(f) == 60], 5, "SoC 60 %")
    off = lab.run("echo 0 >/sys/module/labcan/parameters/cable")["end"]
    stuck = lab.wait_log("sets unconfirmed", 5, off)
    lab.note(f"cable off: noticed after {stuck - off:.2f} s; "
             + lab.out("ip -d link show can0 | grep -o 'state [A-Z-]* (berr[^)]*)'"))
    check(stuck - off <= 2.1 + 0.3, "bound of 2.1 s")
    lab.wait_log("CAN: passive", 8, off)
    check(not lab.frames(since=off + 0.05), "frames on a bus that is cut")

    # Another state of charge while the cable is off: what was queued before says 60 %.
    lab.sleep(4)
    lab.bms("soc raw 59")
    lab.sleep(6)
    values, _ = lab.stats()
    on = lab.run("echo 1 >/sys/module/labcan/parameters/cable")["begin"]
    fresh = lab.wait(lambda: lab.frames(0x355, on), 10, "frames again")
    first = lab.frames(since=on)[0]
    lab.note(f"cable on: first frame {first.id:X} after {first.t - on:.2f} s; "
             f"{values['flushes']} flushes in {on - off:.0f} s")
    check(all(soc(f) == 59 for f in fresh), f"old frames: {[(f.t - on, soc(f)) for f in fresh]}")
    lab.wait_log("frames are confirmed again", 5, on)
    lab.wait_limits(lambda c, d: d > 0, 30, "limits above 0 A again", on)
    check(all(soc(f) == 59 for f in lab.frames(0x355, on)), "old frames later on")
