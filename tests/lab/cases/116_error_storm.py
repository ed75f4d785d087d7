# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_24: 10000 bus errors a second, 2000 changes of state a second: sets go on"
MACHINE = "bench"
SECONDS = 100

import json

from bench import FAULT, check

SECONDS_EACH = 5


def bus_errors(lab):
    link = json.loads(lab.out("ip -j -s -d link show can0"))[0]["linkinfo"]["info_xstats"]
    return link["bus_error"]


def storm(lab, name, rate):
    first, _ = lab.stats()
    errors = bus_errors(lab)
    begin = lab.run(f"echo {rate} >{FAULT}/{name}")["end"]
    lab.sleep(SECONDS_EACH)
    end = lab.run(f"echo 0 >{FAULT}/{name}")["begin"]
    second, _ = lab.stats()
    seconds = end - begin
    sets = [f.t for f in lab.frames(0x359, begin) if f.t < end]
    heard = (second["error_frames"] - first["error_frames"]) / seconds
    happened = (bus_errors(lab) - errors) / seconds
    lab.note(f"{name}: {happened:.0f} bus errors a second, {heard:.0f} error frames a second read, "
             f"{len(sets)} sets in {seconds:.1f} s")
    check(len(sets) >= int(seconds) - 1, "a set every second")
    check(all(y - x < 2.0 for x, y in zip(sets, sets[1:])), f"sets at {sets}")
    lines = [line for _, line in lab.log(begin) if "rror frame" in line or "CAN: " in line]
    check(len(lines) <= seconds * 3 + 5, f"{len(lines)} lines about the bus in {seconds:.0f} s")
    check(not [1 for _, line in lab.log(begin) if "ladder:" in line], "a step of the ladder")
    check(lab.daemon()["rc"] is None, "the daemon goes on")
    return happened, heard


def run(lab):
    lab.start_daemon()
    lab.fault("cable", 1)
    happened, heard = storm(lab, "storm", 10000)
    check(happened > 2000, "no storm")
    check(heard < 100, "bus errors are filtered in the kernel")
    _, heard = storm(lab, "flapping", 2000)
    check(heard > 500, "changes of state reach the daemon")
