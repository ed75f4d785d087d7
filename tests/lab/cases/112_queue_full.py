# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_20: transmit queue full"
MACHINE = "bench"
SECONDS = 90

from bench import check


def run(lab):
    lab.start_daemon(can_manage="yes")
    first, _ = lab.stats()
    full = lab.run("tc qdisc replace dev can0 root netem delay 30s limit 5")["end"]
    lab.wait_log("sets unconfirmed", 5, full)
    lab.sleep(5)
    second, _ = lab.stats()
    check(lab.daemon()["rc"] is None, "the daemon goes on")
    seconds = (second["t_ns"] - first["t_ns"]) * 1e-9
    share = (second["cycles"] - first["cycles"]) / (seconds * 200)
    lab.note(f"full for {lab.now() - full:.1f} s: {second['tx_full'] - first['tx_full']} refusals, "
             f"{second['tx_dropped'] - first['tx_dropped']} dropped, "
             f"{second['flushes'] - first['flushes']} flushes, {share:.0%} of the cycles ran")
    # Blocked it would stand still for the 30 s; a busy host takes its part as well.
    check(share > 0.3, "the cycle was blocked")
    # Each frame may be tried once a period for its slot of 10 ms.
    check(second["tx_full"] - first["tx_full"] <= 4 * 7 * (seconds + 2), "no storm of attempts")
    free = lab.run("tc qdisc del dev can0 root")["end"]
    frame = lab.wait(lambda: lab.frames(0x359, free), 6, "frames again")[0]
    lab.note(f"free: frames after {frame.t - free:.2f} s")
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A again", free)
