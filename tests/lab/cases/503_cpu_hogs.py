# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_46: four programs that only compute"
MACHINE = "bench"
SECONDS = 80

from bench import check, limits


def run(lab):
    lab.start_daemon()
    begin = lab.now()
    first, _ = lab.stats()
    lab.machine.ask("spawn", name="hogs", cmd="for i in 1 2 3 4; do (while :; do :; done) & done; wait")
    lab.sleep(10)
    second, _ = lab.stats()
    end = lab.now()
    seconds = (second["t_ns"] - first["t_ns"]) * 1e-9
    share = (second["cycles"] - first["cycles"]) / (seconds * 200)
    rx = (second["serial_rx_bytes"] - first["serial_rx_bytes"]) / seconds
    sets = [f.t for f in lab.frames(0x359, begin) if f.t <= end]
    lab.note(f"{len(sets)} sets in {end - begin:.1f} s, {rx:.0f} bytes/s of the BMS, "
             f"{share:.1%} of the cycles ran")
    check(len(sets) >= int(end - begin) - 2, "sets are missing")
    check(rx > 400, "BMS data flow")
    # 0 A would be the answer to data older than bms.stale = 3 s.
    check(all(limits(f)[1] > 0 for f in lab.frames(0x351, begin)), "data became stale")
