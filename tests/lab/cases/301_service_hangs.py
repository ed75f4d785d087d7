# SPDX-License-Identifier: Apache-2.0
"""The shipped unit when something inside stands still: its watchdog ends it, its restart brings it
back."""
TITLE = "FLT_29 FLT_32: guard or worker of the service stopped; SIGHUP"
MACHINE = "bench"
SECONDS = 240

from bench import check, limits
from service import configure, journal, show, start, worker

WATCHDOG_S = 2.0  # of the unit; fed twice in that time
BEAT_S = 1.0  # failsafe.beat of this bench, and the worker's patience with the guard
BUSY_S = 0.7  # a host that may be busy


def stopped(lab, who, pid, bound):
    """Stopped, killed by systemd within the bound, started again. Limits are 0 A meanwhile."""
    before = show(lab, "MainPID")
    begin = lab.run(f"kill -STOP {pid}")["end"]
    lab.wait(lambda: show(lab, "ActiveState") == "active" and
             show(lab, "MainPID") not in (before, "0"), 20, f"{who} stopped: started again")
    restart = int(show(lab, "ExecMainStartTimestampMonotonic")) * 1e-6
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", restart)
    bites = [float(line.split("]")[0].strip("[ ")) for line in lab.out(
        "journalctl -u jkpylond --no-pager -o short-monotonic").splitlines()
        if f"Watchdog timeout (limit {WATCHDOG_S:.0f}s)" in line]
    check(bites and bites[-1] > begin, f"{who}: it was not the watchdog:\n{journal(lab)}")
    lab.note(f"{who} stopped: killed after {bites[-1] - begin:.2f} s, started again after "
             f"{restart - begin:.2f} s")
    check(bites[-1] - begin <= bound + BUSY_S, f"{who}: killed after {bites[-1] - begin:.2f} s")
    late = [f for f in lab.frames(0x351, begin + BEAT_S + 0.1 + BUSY_S)
            if f.t < restart and any(limits(f))]
    check(not late, f"{who}: limits without a {who}: {[(f.t - begin, limits(f)) for f in late]}")
    check(limits(lab.frames(0x351, restart)[0]) == (0, 0), f"{who}: first limits are not 0 A")


def run(lab):
    lab.start_node()
    configure(lab, "yes")
    start(lab)

    # Reading the settings again is not there yet; it must not hurt either.
    before = show(lab, "MainPID")
    begin = lab.run("systemctl kill -s HUP --kill-who=main jkpylond")["begin"]
    lab.sleep(3)
    check(show(lab, "MainPID") == before, "SIGHUP ends the daemon")
    sets = lab.frames(0x351, begin)
    check(len(sets) >= 2 and all(limits(f)[1] > 0 for f in sets), "SIGHUP is seen on the bus")
    check("reload is not available" in journal(lab, lines=5), f"no word of SIGHUP:\n{journal(lab, lines=5)}")

    stopped(lab, "guard", show(lab, "MainPID"), WATCHDOG_S)
    stopped(lab, "worker", worker(lab), BEAT_S + WATCHDOG_S)
    lab.run("systemctl stop jkpylond", timeout=20)
