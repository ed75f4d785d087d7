#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The portal's service alone, against a portal on the loopback: when it asks, what it believes and for
how long, when it stops asking, how it ends, what it costs.

Most of the time is asleep: the cases run beside each other, each with a portal of its own.

Environment: JKP_SIM, JKP_LISTENER.
"""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

from daemon_bench import check, wait_for
from sems_bench import STATION, Portal, no_secret
from test_goodwe import together

LISTENER = os.environ["JKP_LISTENER"]
SLOW = os.environ.get("JKP_SLOW") == "1"
WAIT_S = 60 if SLOW else 12
STOP_MS = 1000
PAUSE_MAX_MS = 4000
BUSY_MS = 3000
STALE_MS = 900000
MIB = 1024 * 1024
LEGACY = {"portal": "legacy", "station": STATION}


class Service:
    """A context manager: the listener with its output; a clean end and no secret belong to every case."""

    def __init__(self, portal, /, *args, pause_max_ms=PAUSE_MAX_MS, busy_ms=BUSY_MS,
                 stale_ms=STALE_MS, **changes):
        self.command = [LISTENER, portal.configuration(**changes), str(pause_max_ms), str(busy_ms),
                        str(stale_ms), *args]
        self.events, self.states = [], []

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.text = ""
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        return self

    def read(self):
        for line in self.process.stdout:
            self.text += line
            word, _, rest = line.strip().partition(" ")
            if word == "event":
                self.events.append(rest)
            elif word == "state":
                self.states.append(json.loads(rest))

    def __exit__(self, kind, *unused):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.thread.join(5)
        if kind is not None:
            print("\n".join(self.events) + "\n" + str(self.states[-1:]), file=sys.stderr)
            return
        end = re.search(r"^stopped (-?\d+) (\d+) ms$", self.text, re.M)
        check(code == 0 and end, self.text[-2000:])
        check(int(end[2]) < STOP_MS, f"ended after {end[2]} ms")
        self.ended_ms = int(end[2])
        check(no_secret(self.text) is None, f"secret {no_secret(self.text)} in the output")

    def state(self):
        return self.states[-1] if self.states else {}

    def wait(self, text, condition, seconds=WAIT_S):
        wait_for(lambda: self.states and condition(self.state()), seconds,
                 text + "\n" + str(self.states[-1:]) + "\n".join(self.events))
        return self.state()

    def wait_event(self, key, seconds=WAIT_S):
        def look():
            return [e for e in self.events if e.startswith(key + " ")]
        return wait_for(look, seconds, f"event {key}\n" + "\n".join(self.events))[0]


def reads():
    """Values count from the second, different time stamp on; then each new one makes them young."""
    with Portal() as p:
        p.tell("power 800", "soc 61", "stamp hold")
        with Service(p) as s:
            s.wait("two good answers", lambda v: v["readings"] >= 2)
            check(not s.state()["has"], "a time that stands still proves nothing")
            p.tell("stamp run")
            v = s.wait("a sample", lambda v: v["has"])
            check((v["power_w"], v["soc"], v["mode"]) == (800, 61, 4), f"{v}")
            check("800 W" in s.wait_event("SEMS_READS"), "told")
            p.tell("power -1200")
            s.wait("new values", lambda v: v["power_w"] == -1200 and v["mode"] == 3)
            s.wait("one login for all", lambda v: v["readings"] >= 5 and v["logins"] == 1)
            check(p.status()["bad"] == 0, f"{p.status()}")
        check(any("good answers" in e for e in s.events), "\n".join(s.events))


def repeats():
    """FLT-39: a portal that repeats itself makes nothing young."""
    with Portal() as p:
        p.tell("power 500")
        with Service(p, stale_ms=3000) as s:
            s.wait("a sample", lambda v: v["has"])
            p.tell("stamp hold")
            before = s.state()["readings"]
            s.wait("it grows old", lambda v: v["age_ms"] > 3000 and v["stale"] == 1)
            check(s.state()["readings"] >= before + 2, "while good answers come")
            check("no longer counts" in s.wait_event("SEMS_STALE"), "told")
            p.tell("stamp run")
            s.wait("young again", lambda v: v["age_ms"] < 1500 and v["stale"] == 0)


def legacy_time():
    """FLT-39: a time with a zone is compared with ours: old values are old at once."""
    with Portal() as p:
        p.tell("power 500")
        with Service(p, **LEGACY) as s:
            v = s.wait("believed at once", lambda v: v["has"])
            check(v["readings"] <= 2 and v["power_w"] == 500, f"{v}")
        old = {"inverter": [{"status": 1, "battery": "52.0V/9.6A/500W", "soc": "50%",
                             "invert_full": {"last_time": int((time.time() - 60) * 1000)}}]}
        p.tell("values " + json.dumps(old))
        with Service(p, **LEGACY) as s:
            v = s.wait("a minute old", lambda v: v["has"])
            check(60000 <= v["age_ms"] < 60000 + WAIT_S * 1000, f"{v}")


def renews():
    """The session ends: one login, and on it goes."""
    with Portal() as p:
        p.tell("power 500")
        with Service(p) as s:
            s.wait("a sample", lambda v: v["has"])
            p.tell("expire")
            v = s.wait("a second login", lambda v: v["logins"] == 2)
            s.wait("and values", lambda n: n["readings"] > v["readings"])
            check(s.state()["failures"] == 0, f"{s.state()}")
            p.tell("fault loop")
            s.wait("it fails", lambda v: v["failures"] >= 1)
            s.wait_event("SEMS_EXPIRED")
            v = s.state()
            time.sleep(3)
            check(s.state()["logins"] - v["logins"] <= 3, "a login for each try at most")


def gives_up():
    """A wrong password is tried once."""
    with Portal() as p:
        p.login.write_text("probe@example.com\nwrong-one\n", encoding="utf-8")
        with Service(p) as s:
            event = s.wait_event("SEMS_PASSWORD")
            check("100005" in event and "wrong-one" not in s.text, event)
            s.wait("stopped", lambda v: v["stopped"] == 1)
            before = p.status()
            time.sleep(4)
            check(p.status()["connections"] == before["connections"] and before["logins"] == 1,
                  f"{p.status()}")


def leaves_alone():
    """Too many requests: at least so long a pause."""
    with Portal() as p:
        with Service(p, station=STATION) as s:
            p.tell("code GY0429")
            check("GY0429" in s.wait_event("SEMS_BUSY"), "told")
            p.tell("code")
            v, begin = s.state(), time.monotonic()
            s.wait("asked again", lambda n: n["requests"] > v["requests"])
            check(time.monotonic() - begin > BUSY_MS / 1000 - 0.5, "after the pause")


def pauses():
    """FLT-34: pauses double up to their longest; descriptors are constant; it comes back."""
    with Portal() as p:
        p.tell("fault close")
        with Service(p) as s:
            s.wait_event("SEMS_UNREACHABLE")
            folder = f"/proc/{s.process.pid}/fd"
            wait_for(lambda: s.state()["service"] == "closed", 5, "a pause")
            before = len(os.listdir(folder))
            begin = time.monotonic()
            s.wait("three more tries", lambda v: v["failures"] >= 4, 30)
            took = time.monotonic() - begin
            check(took > 2 + 4 - 1.5, f"three tries after {took:.1f} s")
            wait_for(lambda: len(os.listdir(folder)) <= before, 5, "descriptors as before")
            p.tell("heal", "power 300")
            s.wait("values", lambda v: v["has"] and v["power_w"] == 300, 20)


def ends_within(fault):
    """SAF-13: an end in the middle of a transfer."""
    def case():
        with Portal() as p:
            p.tell("fault " + fault)
            with Service(p, timeout="10s") as s:
                s.wait("a request", lambda v: True)
                wait_for(lambda: p.status()["requests"] >= 1, WAIT_S, "a request arrives")
                time.sleep(0.5)
            print(f"#       {fault}: ended after {s.ended_ms} ms")
    return case


def ends_in_handshake():
    """SAF-13: an end while the other side does not even shake hands."""
    with Portal() as p:
        os.kill(p.process.pid, signal.SIGSTOP)
        try:
            with Service(p, timeout="10s") as s:
                s.wait("it runs", lambda v: v["service"] == "open")
                time.sleep(1)
        finally:
            os.kill(p.process.pid, signal.SIGCONT)
        print(f"#       handshake: ended after {s.ended_ms} ms")


def login_file_comes_late():
    """FLT-58: a file that others can read is not used; once it is right it is."""
    with Portal() as p:
        p.tell("power 500")
        with Service(p) as s:
            s.wait("a sample", lambda v: v["has"])
        late = p.dir / "late"
        late.write_bytes(p.login.read_bytes())
        late.chmod(0o600)
        with Service(p, login_file=str(late)) as s:
            # read once: what happens to it later does not matter
            s.wait("a sample", lambda v: v["has"])
            late.unlink()
            v = s.state()
            p.tell("expire")
            s.wait("a login without the file", lambda n: n["logins"] > v["logins"])


def locked(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmLck:\s+(\d+) kB", text, re.M)[1]) * 1024


def memory():
    """All memory is locked, and libcurl with thirty libraries loaded: it costs little."""
    with Portal() as p:
        p.tell("power 500")
        with Service(p, "lock") as s:
            s.wait("a sample", lambda v: v["has"])
            s.wait("more readings", lambda v: v["readings"] >= 4)
            size = locked(s.process.pid)
            maps = pathlib.Path(f"/proc/{s.process.pid}/maps").read_text(encoding="ascii")
            check("libcurl" in maps, "it is loaded")
            print(f"#       locked: {size / MIB:.2f} MiB")
            check(SLOW or size < 16 * MIB, f"{size / MIB:.1f} MiB are locked")


def test_FLT_39_what_is_believed_and_for_how_long():
    together([reads, repeats, legacy_time])


def test_session_password_and_pauses():
    together([renews, gives_up, leaves_alone, pauses])


def test_SAF_13_ends_within_a_second_whatever_is_under_way():
    together([ends_within("hang"), ends_within("slow"), ends_in_handshake])


def test_FLT_58_login_file():
    login_file_comes_late()


def test_memory():
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit != resource.RLIM_INFINITY and os.geteuid() != 0:
        print(f"skip    test_memory: {limit // 1024} KiB may be locked here, that is too little")
        return
    memory()


def main():
    failed = 0
    for name, test in list(globals().items()):
        if name.startswith("test_") and (len(sys.argv) < 2 or name in sys.argv[1:]):
            begin = time.monotonic()
            try:
                test()
                print(f"ok      {name} ({time.monotonic() - begin:.1f} s)", flush=True)
            except Exception as error:  # one broken test must not hide the others
                failed += 1
                print(f"NOT OK  {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
