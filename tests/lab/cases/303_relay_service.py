# SPDX-License-Identifier: Apache-2.0
"""The shipped unit with a relay on a line that keeps its level when its holder dies: somebody has
to open it then."""
TITLE = "FLT_32 FLT_57 SAF_12: service with a relay: watchdog, killed, reload, latched fault"
MACHINE = "bench"
SECONDS = 400

import signal
import time

from bench import BY_ID, DAEMON, check, limits
from relay import KEEPS, Relay
from service import CONFIG, UNIT, configure, journal, show, start, told, wait_told, write

RELAY = {"failsafe_relay": f"labgpio:{KEEPS}", "failsafe_open_time": "1s"}
WATCHDOG_S = 2.0
BUSY_S = 0.7  # a host that may be busy
ORPHAN_S = 0.1
POST_S = 5.0  # of ExecStopPost: two programs have to start on an emulated processor
GAP_S = 2.5  # failsafe.reload
CRITICAL_V = 3.72


def rights(lab):
    """The user of the service has the line by its group, and nothing more."""
    chip = lab.out("ls -l $(gpiodetect | awk '/labgpio/ { print \"/dev/\" $1 }')")
    check(chip.split()[0].startswith("crw-rw----") and chip.split()[3] == "gpio", chip)
    check("gpio" in lab.out("id -nG jkpylon").split(), "the user is in the group")
    guard, worker = (lab.out(f"ls -l /proc/{pid}/fd") for pid in lab.processes())
    check("gpio" in guard and "gpio" not in worker, f"line of the guard alone:\n{guard}\n{worker}")
    state = lab.out("stat -c '%U %a' /var/lib/jkpylon /var/lib/jkpylon/state")
    check(state.split() == ["jkpylon", "750", "jkpylon", "600"], f"state: {state}")


def reload(lab, relay):
    service = show(lab, "MainPID"), show(lab, "NRestarts")
    old = lab.worker()
    write(lab, **RELAY, limits_discharge_max="20A")
    t0 = time.monotonic()
    begin = lab.run(f"systemctl reload {UNIT}", timeout=30)["begin"]
    lab.wait_worker(old, 10, "reload: a new worker")
    new = lab.wait_limits(lambda c, d: d == 20, 20, "the new limit of 20 A", begin)
    lab.sleep(1)
    edges = [(t - t0, to) for t, to in relay.lines.edges(KEEPS, t0)]
    check(not edges and relay.lines.level(KEEPS) == 1, f"reload moves the relay: {edges}")
    times = [f.t for f in lab.frames(0x351, begin - 1.5)]
    gap, at = max((b - a, a) for a, b in zip(times, times[1:]))
    paused = sum(q - p for p, q in lab.pauses(at, 0, 1) if p < at + gap)
    lab.note(f"reload: no edge, new limit after {new.t - begin:.2f} s, longest gap {gap:.2f} s")
    check(gap <= GAP_S + paused, f"{gap:.2f} s without a limit, {paused:.2f} s of them stood still")
    check((show(lab, "MainPID"), show(lab, "NRestarts")) == service, "the guard goes on")


def bad_reload(lab, relay):
    old = lab.worker()
    lab.run(f"sed -i 's/^discharge_max = .*/discharge_max = 20V/' {CONFIG}")
    line = lab.out(f"grep -n '^discharge_max' {CONFIG} | cut -d: -f1")
    t0 = time.monotonic()
    begin = lab.run(f"systemctl reload {UNIT}", check=False, timeout=30)["begin"]
    wait_told(lab, f"{CONFIG}:{line}: ", 10, begin)
    wait_told(lab, "not reloaded: the daemon goes on", 5, begin)
    relay.steady(KEEPS, 1, 2, t0, "a bad file")
    check(lab.worker() == old, "the worker goes on")
    check(all(limits(f)[1] == 20 for f in lab.frames(0x351, begin)), "limits")
    check(show(lab, "ActiveState") == "active", "the service is active")
    lab.note(lab.out(f"journalctl -u {UNIT} -o cat --no-pager | grep '{CONFIG}:{line}:'"))
    write(lab, **RELAY)


def restarted(lab, restarts):
    lab.wait(lambda: show(lab, "ActiveState") == "active" and
             int(show(lab, "NRestarts")) == restarts + 1, 30, "one restart")


def opened(lab, relay, text, action, bound):
    """The relay opens; the service comes back, and the relay closes again."""
    restarts = int(show(lab, "NRestarts"))
    begin = lab.now()
    t0 = action()
    relay.falls(KEEPS, t0, bound, text)
    restarted(lab, restarts)
    low = relay.gpio.wait(KEEPS, 0, t0)
    high = relay.closed(KEEPS, low)
    post = told(lab, f"relay labgpio:{KEEPS} opened", begin)
    check(post, f"{text}: ExecStopPost opens too:\n{journal(lab)}")
    orphan = told(lab, "the guard has ended: relay opened", begin)
    check(bool(orphan) != (text == "all killed"), f"{text}: who opened it:\n{journal(lab)}")
    lab.note(f"{text}: ExecStopPost after {post[0] + relay.ahead - t0:.2f} s"
             + (f", the worker after {orphan[0] + relay.ahead - t0:.2f} s" if orphan else "")
             + f" by the journal; closed again after {high - t0:.2f} s")
    return begin


def guard(lab):
    return int(show(lab, "MainPID"))


def latched(lab, relay):
    t0 = time.monotonic()
    begin = lab.now()
    lab.bms(f"cell 3 {CRITICAL_V}")
    relay.gpio.wait(KEEPS, 0, t0)
    wait_told(lab, "latched fault: critical", 5, begin)
    lab.bms("cell 3 free")
    lab.wait(lambda: "latched: critical" in show(lab, "StatusText"), 5, "STATUS")
    lab.note(lab.out(f"systemctl status {UNIT} | grep Status"))

    begin = lab.run(f"systemctl restart {UNIT}", timeout=40)["begin"]
    wait_told(lab, "latched fault: critical: the relay stays open", 10, begin)
    lab.wait(lambda: lab.frames(0x351, begin + 2), 10, "frames")
    lab.sleep(4)
    high = [t for t, to in relay.lines.edges(KEEPS, t0) if to == 1]
    check(not high and relay.lines.level(KEEPS) == 0, "a restart closes the relay")
    check(not [f for f in lab.frames(0x351, begin) if any(limits(f))], "limits although latched")
    check("latched: critical" in show(lab, "StatusText"), f"STATUS {show(lab, 'StatusText')}")
    status = lab.run(f"{DAEMON} --status", check=False)
    check(status["rc"] == 3 and "latched: critical (cell-high)" in status["out"], status["out"])

    nobody = lab.run(f"setpriv --reuid=nobody --regid=nogroup --clear-groups {DAEMON} --ack",
                     check=False)
    check(nobody["rc"] != 0, f"anybody acknowledges: {nobody['out']}")
    t1 = time.monotonic()
    lab.note(lab.out(f"{DAEMON} --ack"))
    relay.closed(KEEPS, t1)
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", begin)
    check("latched" not in show(lab, "StatusText"), f"STATUS {show(lab, 'StatusText')}")


def run(lab):
    relay = Relay(lab)
    lab.start_node()
    configure(lab, "yes", **RELAY)
    begin = time.monotonic()
    start(lab)
    lab.note(f"start to closed {relay.closed(KEEPS, begin) - begin:.2f} s")
    check(lab.out(f"readlink -e {BY_ID}"), "the BMS is there")
    rights(lab)
    reload(lab, relay)
    bad_reload(lab, relay)

    begin = opened(lab, relay, "guard stopped", lambda: relay.signal(signal.SIGSTOP, guard(lab)),
                   WATCHDOG_S + ORPHAN_S + BUSY_S)
    check(told(lab, "Watchdog timeout", begin), f"it was not the watchdog:\n{journal(lab)}")
    opened(lab, relay, "guard killed", lambda: relay.signal(signal.SIGKILL, guard(lab)), ORPHAN_S)
    # Nobody but systemd is left.
    opened(lab, relay, "all killed", lambda: relay.signal(signal.SIGKILL, -guard(lab)), POST_S)
    latched(lab, relay)

    t0 = time.monotonic()
    lab.run(f"systemctl stop {UNIT}", timeout=20)
    relay.gpio.wait(KEEPS, 0, t0)
    relay.steady(KEEPS, 0, 1, time.monotonic(), "stopped")
    check(show(lab, "Result") == "success", f"result {show(lab, 'Result')}")
