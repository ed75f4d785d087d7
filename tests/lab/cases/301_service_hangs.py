# SPDX-License-Identifier: Apache-2.0
"""The shipped unit when something inside stands still: its watchdog ends a guard, its restart
brings it back; the guard ends a worker and replaces it. And a reload, which does the same on demand."""
TITLE = "FLT_29 FLT_32: guard or worker of the service stopped; SIGHUP"
MACHINE = "bench"
SECONDS = 240

from bench import check, limits
from service import configure, journal, show, start, told, wait_told

WATCHDOG_S = 2.0  # of the unit; fed twice in that time
BEAT_S = 1.0  # failsafe.beat of this bench, and the worker's patience with the guard
KILL_S = 2.0  # the guard's patience with a worker that stands still
BUSY_S = 0.7  # a host that may be busy


def check_frames(lab, who, begin, back):
    """0 A from the time that the other half needs to see it, and first of all after it is back."""
    late = [f for f in lab.frames(0x351, begin + BEAT_S + 0.1 + BUSY_S)
            if f.t < back and any(limits(f))]
    check(not late, f"{who}: limits without a {who}: {[(f.t - begin, limits(f)) for f in late]}")
    check(limits(lab.frames(0x351, back)[0]) == (0, 0), f"{who}: first limits are not 0 A")


def guard_stopped(lab):
    before = show(lab, "MainPID")
    begin = lab.run(f"kill -STOP {before}")["end"]
    lab.wait(lambda: show(lab, "ActiveState") == "active" and
             show(lab, "MainPID") not in (before, "0"), 20, "guard stopped: started again")
    restart = int(show(lab, "ExecMainStartTimestampMonotonic")) * 1e-6
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", restart)
    bites = told(lab, f"Watchdog timeout (limit {WATCHDOG_S:.0f}s)", begin)
    check(bites, f"it was not the watchdog:\n{journal(lab)}")
    lab.note(f"guard stopped: killed after {bites[-1] - begin:.2f} s, started again after "
             f"{restart - begin:.2f} s")
    check(bites[-1] - begin <= WATCHDOG_S + BUSY_S, f"killed after {bites[-1] - begin:.2f} s")
    check_frames(lab, "guard", begin, restart)


def worker_stopped(lab):
    service = show(lab, "MainPID"), show(lab, "NRestarts")
    old = lab.worker()
    begin = lab.run(f"kill -STOP {old}")["end"]
    new = lab.wait_worker(old, 20, "worker stopped: replaced")
    killed = wait_told(lab, "worker does not run in time: killed", 5, begin)
    # Its start, in ticks since boot.
    back = int(lab.out(f"cut -d' ' -f22 /proc/{new}/stat")) / 100
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", back)
    check((show(lab, "MainPID"), show(lab, "NRestarts")) == service, "the guard goes on")
    check(not told(lab, "Watchdog timeout", begin), "systemd's watchdog is fed meanwhile")
    lab.note(f"worker stopped: killed after {killed - begin:.2f} s, replaced after "
             f"{back - begin:.2f} s")
    check(killed - begin <= BEAT_S + KILL_S + BUSY_S, f"killed after {killed - begin:.2f} s")
    check_frames(lab, "worker", begin, back)


def reload(lab):
    service = show(lab, "MainPID"), show(lab, "NRestarts")
    old = lab.worker()
    begin = lab.run("systemctl kill -s HUP --kill-who=main jkpylond")["begin"]
    new = lab.wait_worker(old, 10, "SIGHUP: a new worker")
    back = int(lab.out(f"cut -d' ' -f22 /proc/{new}/stat")) / 100
    limit = lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", back)
    check((show(lab, "MainPID"), show(lab, "NRestarts")) == service, "SIGHUP ends the daemon")
    lab.wait(lambda: show(lab, "ActiveState") == "active", 5, "the reload is over")
    check(any(limits(f) == (0, 0) for f in lab.frames(0x351, begin) if f.t < back + 0.5),
          "the last limits of the old worker are not 0 A")
    lab.note(f"SIGHUP: new worker after {back - begin:.2f} s, limits above 0 A after "
             f"{limit.t - begin:.2f} s")


def run(lab):
    lab.start_node()
    configure(lab, "yes")
    start(lab)
    reload(lab)
    guard_stopped(lab)
    worker_stopped(lab)
    lab.run("systemctl stop jkpylond", timeout=20)
