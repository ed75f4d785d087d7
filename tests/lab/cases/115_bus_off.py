# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_23: bus-off; once, and again and again"
MACHINE = "bench"
SECONDS = 120

from bench import check


def restarts(lab, since):
    return [t for t, line in lab.log(since) if "restart after bus-off" in line]


def run(lab):
    # A trip and its 10 s of recovery are the subject of others.
    lab.start_daemon(can_manage="yes", bms_trip="60s")
    lab.fault("busoff", 1)
    begin = lab.now() - 0.5
    lab.wait_log("CAN: bus-off", 2, begin)
    begin = next(t for t, line in lab.log(begin) if "bus-off" in line)
    again = lab.wait_log("restart after bus-off", 3, begin)
    frame = lab.wait(lambda: lab.frames(since=again), 3, "frames again")[0]
    lab.note(f"once: attempt {again - begin:.2f} s after the event, frames after "
             f"{frame.t - begin:.2f} s")
    check(again - begin <= 1.0, "bound of 1 s to the first attempt")
    lab.wait_limits(lambda c, d: d > 0, 10, "limits above 0 A again", again)

    before, _ = lab.stats()
    short = lab.run("echo 1 >/sys/module/labcan/parameters/shorted")["end"]
    lab.sleep(12)
    after, _ = lab.stats()
    attempts = after["restarts"] - before["restarts"]
    lab.note(f"shorted for 12 s: {attempts} attempts")
    # 0.1 s doubled up to 5 s: 0.1 0.3 0.7 1.5 3.1 6.3 11.3
    check(3 <= attempts <= 9, "back-off from 0.1 s to 5 s")
    check(not lab.frames(since=short + 0.1), "frames on a shorted bus")
    end = lab.run("echo 0 >/sys/module/labcan/parameters/shorted")["end"]
    frame = lab.wait(lambda: lab.frames(0x359, end), 8, "frames again")[0]
    lab.note(f"short gone: frames after {frame.t - end:.2f} s")
    check(lab.daemon()["rc"] is None, "the daemon goes on")
    lab.wait_limits(lambda c, d: d > 0, 30, "limits above 0 A again", end)
