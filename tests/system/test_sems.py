#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon beside the portal of GoodWe: what the portal says becomes a limit while the inverter itself
is silent, what it no longer says does not, and whatever is wrong there changes nothing.

Environment: see daemon_bench.py; JKP_SIM.
"""

import pathlib
import re
import subprocess
import sys
import time

from daemon_bench import SLOW, Bench, check, limits, main, now, program, wait_for
from sems_bench import Portal, no_secret
from test_goodwe import stop, together, wait_log
from test_house import House, status

MIB = 1024 * 1024
STALE_S = 20  # the least that goodwe.stale may be, and sems.stale no less
LATE_S = 60 if SLOW else 12


class SemsHouse(House):
    """A house with meter, the other inverter, and a portal."""

    def __init__(self):
        super().__init__()
        self.portal = Portal()

    def __enter__(self):
        super().__enter__()
        self.portal.__enter__()
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.portal.__exit__(kind, value, trace)

    def text(self, **changes):
        keys = {"sems_" + k: v for k, v in self.portal.keys(stale=f"{STALE_S}s").items()}
        return super().text(**{**keys, **changes})

    def secrets(self, daemon):
        """No secret in the log, nor in what it prints about itself."""
        found = no_secret(daemon.log() + status(daemon))
        check(found is None, f"{found} in the log")


def interlock_by_portal(b, d):
    wait_log(d, "other inverter is heard, from the portal")
    wait_log(d, "arbiter: discharge at most 0 A, interlock")
    b.wait_discharge(d, "0 A", lambda a: a == 0, 0)
    shown = status(d)
    check("battery 1000 W" in shown and "the portal" in shown, shown)


def falls_back_and_lets_go():
    """SAF-07: the inverter is silent, the portal speaks; it repeats itself: what it said is let go."""
    with SemsHouse() as b:
        b.goodwe.tell("fault silent")
        b.portal.tell("power 1000", "soc 55")
        d = b.start(b.text())
        interlock_by_portal(b, d)
        b.portal.tell("stamp hold")
        held, before = now(), b.portal.status()["reads"]
        at = b.wait_discharge(d, "free again", lambda a: a > 30, STALE_S)
        check(SLOW or STALE_S - 2 <= at - held <= STALE_S + 4, f"let go after {at - held:.1f} s")
        check(b.portal.status()["reads"] > before + 5, "while it went on answering")
        wait_log(d, "no word of the other inverter")
        wait_log(d, "SEMS: no new values for")
        check("interlock" not in status(d), status(d))
        b.secrets(d)
        stop(d)


def local_first():
    """SAF-07: the inverter itself is believed before its portal; the portal takes over."""
    with SemsHouse() as b:
        b.goodwe.tell("mode standby", "current 0")
        b.portal.tell("power 1000")
        d = b.start(b.text())
        wait_log(d, "other inverter is heard, from the inverter itself")
        wait_log(d, "SEMS: the portal gives new values")
        b.wait_discharge(d, "not limited", lambda a: a > 30, 5)
        check("interlock" not in status(d), status(d))
        b.goodwe.tell("fault silent")
        silent = now()
        b.wait_discharge(d, "0 A by the portal", lambda a: a == 0, STALE_S)
        check(SLOW or now() - silent <= STALE_S + 3, f"after {now() - silent:.1f} s")
        check("the portal" in status(d), status(d))
        b.secrets(d)
        stop(d)


class Alone(Bench):
    """A portal, no meter, no inverter that answers."""

    def __init__(self):
        super().__init__()
        self.portal = Portal()

    def __enter__(self):
        super().__enter__()
        self.portal.__enter__()
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.portal.__exit__(kind, value, trace)

    def text(self, **changes):
        keys = {"sems_" + k: v for k, v in self.portal.keys(stale="1min").items()}
        return super().text(**{**keys, "arbiter_interlock": "no", "arbiter_cross_charge": "no",
                               "limits_rise": "100A/s", **changes})


def locked(daemon):
    text = pathlib.Path(f"/proc/{daemon.worker()}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmLck:\s+(\d+) kB", text, re.M)[1]) * 1024


def loaded(daemon, name):
    return name in pathlib.Path(f"/proc/{daemon.worker()}/maps").read_text(encoding="ascii")


def memory():
    """libcurl is loaded only where it is used, and costs little where all memory is locked."""
    sizes = {}
    for portal in ("none", "semsplus"):
        with Alone() as b:
            d = b.start_running(text=b.text(sems_portal=portal))
            if portal != "none":
                wait_for(lambda: b.portal.status()["reads"] >= 3, LATE_S, "readings\n" + d.log())
            check(loaded(d, "libcurl") == (portal != "none"), f"{portal}: libcurl")
            sizes[portal] = locked(d)
            stop(d)
    print("#       locked: " + ", ".join(f"{k} {v / MIB:.2f} MiB" for k, v in sizes.items()))
    check(SLOW or sizes["semsplus"] <= 16 * MIB, f"{sizes}")
    check(SLOW or sizes["semsplus"] - sizes["none"] < 8 * MIB, f"{sizes}")


def broken_by(words, *faults, **changes):
    """SAF-13: no effect on the bus, told, no secret; and the end comes in time."""
    def case():
        with Alone() as b:
            b.portal.tell(*faults)
            d = b.start_running(text=b.text(**changes))
            line = wait_log(d, words)
            check(line.startswith("<4>") or line.startswith("<3>"), line)
            begin = now()
            time.sleep(3)
            frames = [f for f in b.node.frames if f.t >= begin and f.id == 0x351]
            gaps = [y.t - x.t for x, y in zip(frames, frames[1:])]
            check(len(frames) >= 2 and (SLOW or all(g < 1.5 for g in gaps)), f"{gaps}")
            check(limits(frames[-1])[1] > 0, "a limit all the same")
            check(no_secret(d.log()) is None, f"{no_secret(d.log())} in the log")
            stop(d)
    return case


def refused_at_start():
    with Alone() as b:
        b.portal.login.chmod(0o604)
        d = b.start(b.text())
        check(d.wait(10) == 1, "exit code 1")
        check("sems.login_file" in d.log() and "others can read this secret" in d.log(), d.log())
        b.portal.login.chmod(0o600)
        for changes, words in (({"sems_login_file": "none"}, "sems.portal (semsplus, line"),
                               ({"sems_portal": "legacy"}, "sems.station"),
                               ({"sems_stale": "90s", "sems_poll": "1min"}, "at least twice sems.poll"),
                               ({"sems_plus_login": "http://localhost/"}, "begins with https://")):
            d = b.start(b.text(**changes))
            check(d.wait(10) == 1 and words in d.log(), f"{words}\n{d.log()}")


def test_SAF_07_FLT_39_the_portal_while_the_inverter_is_silent():
    together([falls_back_and_lets_go, local_first, memory])


def test_SAF_13_FLT_38_whatever_is_wrong_changes_nothing():
    together([broken_by("SEMS: who answers is not proven", "cert authority"),
              broken_by("SEMS: no complete answer within 2 s", "fault slow"),
              broken_by("SEMS: the portal refuses account or password (code 100005)", "login 100005"),
              broken_by("SEMS: answer of more than 256 KiB", "fault many"),
              broken_by("SEMS: the portal leads to a host", "fault foreign"),
              broken_by("SEMS: the portal says too many requests (code GY0429)", "code GY0429")])


def explained():
    """An explanation asks no portal: what it said would count a minute later only."""
    with Alone() as b:
        path = b.dir / "explain.conf"
        path.write_text(b.text(), encoding="ascii")
        result = subprocess.run([program(), "--config", str(path), "--explain"],
                                capture_output=True, text=True, check=False, timeout=60)
        check(result.returncode == 0, result.stderr)
        check(b.portal.status()["connections"] == 0, f"{b.portal.status()}")
        check(no_secret(result.stdout + result.stderr) is None, result.stdout)
        shown = subprocess.run([program(), "--config", str(path), "--print-config"],
                               capture_output=True, text=True, check=False, timeout=20)
        check(shown.returncode == 0 and no_secret(shown.stdout) is None, shown.stdout)


def test_explanation_asks_nobody():
    explained()


def test_FLT_58_secret_that_others_can_read_is_refused():
    refused_at_start()


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
