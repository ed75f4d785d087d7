# SPDX-License-Identifier: Apache-2.0
"""The cable is off when the worker is killed: what that one had queued, the next one has to throw
away. Another state of charge since then tells old frames from new ones."""
TITLE = "SAF_17 FLT_22 FLT_28: cable off, worker killed, cable back: nothing old on the bus"
MACHINE = "bench"
SECONDS = 120

from bench import check

CABLE = "/sys/module/labcan/parameters/cable"
OLD, NEW = 60, 59  # SoC
TRIES = 3
QUEUE = "tc -s qdisc show dev can0 | grep backlog"


def soc(frame):
    return frame.data[0]


def kill_with_a_queue(lab):
    """Returns the worker that was killed, and what was said then: with one set in the queue. Two that
    are not confirmed make it flush: on a busy host that may come first."""
    old = lab.worker()
    gone = lab.run(f"echo 0 >{CABLE}; while {QUEUE} | grep -q ' 0b'; do :; done; kill -KILL {old}; "
                   f"while [ -e /proc/{old} ]; do :; done; {QUEUE}")
    return old, gone, " ".join(gone["out"].split())


def run(lab):
    lab.start_daemon(can_manage="yes", bms_trip="60s")
    lab.fault("cable", 1)
    lab.wait(lambda: [f for f in lab.frames(0x355) if soc(f) == OLD], 5, f"SoC {OLD} %")
    for _ in range(TRIES):
        old, gone, queue = kill_with_a_queue(lab)
        if "backlog 0b" not in queue:
            break
        lab.note(f"flushed before it was killed: {queue}")
        lab.wait_worker(old, 10, "a new worker")
        begin = lab.now()
        lab.fault("cable", 1)
        lab.wait(lambda: [f for f in lab.frames(0x355, begin) if soc(f) == OLD], 20,
                 f"SoC {OLD} % again")
    check("backlog 0b" not in queue, f"nothing is in the queue: {queue}")
    lab.bms(f"soc raw {NEW}")
    lab.wait_worker(old, 10, "a new worker")
    # It notices after two sets, and flushes.
    lab.wait_log("sets unconfirmed", 10, gone["end"])
    lab.sleep(4)
    on = lab.run(f"echo 1 >{CABLE}")["begin"]
    lab.wait_log("frames are confirmed again", 10, on)
    lab.sleep(2)
    check(lab.frames(since=gone["end"])[0].t >= on, "frames on a bus that is cut")
    said = [(f.t - on, soc(f)) for f in lab.frames(0x355, on)]
    check(said and all(value == NEW for _, value in said), f"old frames: {said}")
    lab.note(f"killed with {queue}; cable back {on - gone['end']:.1f} s later: {len(said)} frames "
             "355, none of them old")
    lab.wait_limits(lambda c, d: d > 0, 30, "limits above 0 A again", on)
