# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_18: interface down; trip if nobody sets it up, set up again with can.manage=yes"
MACHINE = "bench"
SECONDS = 150

from bench import check

TRIP_S = 3.0


def not_managed(lab):
    lab.run("ip link set can0 up type can bitrate 500000")
    lab.start_daemon(can_manage="no", bms_stale="1s", bms_trip="3s")
    down = lab.run("ip link set can0 down")["begin"]
    seen = lab.wait_log("CAN: down", 3, down)
    trip = lab.wait_log("ladder: trip", 2 + TRIP_S + 5, down)
    lab.note(f"down: seen after {seen - down:.2f} s, trip after {trip - down:.2f} s")
    # Two sets without confirmation, then bms.trip.
    check(TRIP_S - 0.5 <= trip - down <= 2.2 + TRIP_S + 0.5, f"trip after {trip - down:.2f} s")
    check("state DOWN" in lab.out("ip link show can0"), "can.manage=no leaves the link alone")
    up = lab.run("ip link set can0 up")["end"]
    frame = lab.wait(lambda: lab.frames(0x359, up), 5, "frames again")[0]
    lab.note(f"up: frames after {frame.t - up:.2f} s")
    lab.machine.ask("kill", name=f"daemon{lab.daemons}", number=15)
    lab.wait_end()


def managed(lab):
    lab.start_daemon(can_manage="yes", bms_stale="1s", bms_trip="3s")
    down = lab.run("ip link set can0 down")["begin"]
    frame = lab.wait(lambda: lab.frames(0x359, down + 0.1), 5, "frames again")[0]
    lab.note(f"managed: frames again {frame.t - down:.2f} s after the link fell")
    check("bitrate 500000" in lab.out("ip -d link show can0"), "bit rate")
    check(not any("ladder: trip" in line for _, line in lab.log(down)), "no trip for a short fall")
    check(lab.daemon()["rc"] is None, "the daemon goes on")


def run(lab):
    not_managed(lab)
    managed(lab)
