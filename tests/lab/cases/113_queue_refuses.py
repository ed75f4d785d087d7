# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_20: transmit queue full, can.manage=no"
MACHINE = "bench"
SECONDS = 90

from bench import check


def run(lab):
    lab.run("ip link set can0 up type can bitrate 500000")
    lab.start_daemon(can_manage="no")
    first, _ = lab.stats()
    # One packet may wait, and a second one meets a full queue: ENOBUFS.
    full = lab.run("tc qdisc replace dev can0 root netem delay 30s limit 1")["end"]
    lab.wait_log("sets unconfirmed", 5, full)
    lab.sleep(4)
    second, _ = lab.stats()
    refusals = second["tx_full"] - first["tx_full"]
    lab.note(f"{refusals} refusals, {second['tx_dropped'] - first['tx_dropped']} dropped, "
             f"{second['flush_refused'] - first['flush_refused']} flushes refused")
    check(refusals > 0, "ENOBUFS is counted")
    check(second["tx_dropped"] > first["tx_dropped"], "frames past their slot are dropped")
    free = lab.run("tc qdisc del dev can0 root")["end"]
    frame = lab.wait(lambda: lab.frames(0x359, free), 6, "frames again")[0]
    lab.note(f"free: frames after {frame.t - free:.2f} s")
