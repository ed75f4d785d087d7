#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon between a meter and another inverter, both simulated on the loopback: what they say becomes
a limit on the bus, and what they no longer say does not.

A reading of the inverter every 10 s is the most that may be configured, so the cases run beside each
other.

Environment: see daemon_bench.py; JKP_SIM.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from daemon_bench import SLOW, check, connected, limits, main, now, program, takes, wait_for
from goodwe_bench import SIM
from mqtt_bench import MOSQUITTO, Broker, Client
from test_goodwe import WAIT_S, GoodweBench, together, wait_log

SERIAL = 1900202586
STALE_S = {"sma": 5, "goodwe": 20}
HOLD_S = 2
POLL_S = 10
LATE_S = 60 if SLOW else 10
OTHER_A, OTHER_V, OTHER_SOC = 20, 52, 61  # of the other battery
PACK_V = 52.28  # of ours, in the captured reply
IMPORT_W = 3000


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Meter:
    """jkpylon-sim sma, to a port of this machine alone."""

    def __init__(self):
        self.port = free_port()

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="jkpylon-", dir="/dev/shm")
        path = self.dir + "/control"
        self.process = subprocess.Popen(
            [SIM, "sma", "--to", "127.0.0.1", "--port", str(self.port), "--serial", str(SERIAL),
             "--rate", "2", "--control", "unix:" + path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = wait_for(lambda: connected(path), LATE_S, "the simulated meter")
        self.answers = self.socket.makefile("r")
        return self

    def tell(self, line):
        self.socket.sendall(line.encode() + b"\n")
        answer = self.answers.readline().strip()
        check(answer == "ok", f"{line}: {answer}")

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def __exit__(self, *unused):
        self.socket.close()
        self.answers.close()
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class House(GoodweBench):
    """The other inverter charges its battery with 20 A, at the grid nothing flows."""

    def __init__(self):
        super().__init__()
        self.meter = Meter()

    def __enter__(self):
        super().__enter__()
        self.meter.__enter__()
        self.goodwe.tell("mode charge", f"current {OTHER_A}", f"voltage {OTHER_V}")
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.meter.__exit__(kind, value, trace)

    def text(self, **changes):
        return super().text(**{
            "sma_enabled": "yes", "sma_interface": "lo", "sma_serial": str(SERIAL),
            "sma_port": str(self.meter.port), "sma_stale": f"{STALE_S['sma']}s",
            "goodwe_stale": f"{STALE_S['goodwe']}s", "arbiter_hold": f"{HOLD_S}s",
            "arbiter_interlock": None, "arbiter_cross_charge": None, "limits_calm": "0s", **changes})

    def wait_discharge(self, daemon, text, condition, seconds):
        """The newest discharge limit on the bus, once it is as wanted."""
        def look():
            frames = self.node.of(0x351)
            return frames and condition(limits(frames[-1])[1])
        wait_for(look, seconds + LATE_S, f"discharge limit {text}\n{daemon.log()}")
        return now()

    def interlocked(self):
        """A daemon whose discharge limit has fallen to 0 because the other battery is charged."""
        d = self.start(self.text())
        wait_log(d, "GoodWe: the inverter answers")
        wait_log(d, "gives the power at the grid")
        wait_log(d, "arbiter: discharge at most 0 A, interlock")
        wait_log(d, "ladder: run")
        self.wait_discharge(d, "0 A", lambda a: a == 0, 0)
        wait_log(d, "discharge limit 0 A by interlock")
        wait_for(lambda: limits(self.node.of(0x351)[-1])[0] > 0, LATE_S, "charging stays allowed")
        return d


def status(daemon):
    """What the telemetry says, as people see it."""
    result = subprocess.run([program(), "--config", str(daemon.config), "--status"],
                            capture_output=True, text=True, check=False, timeout=20)
    return result.stdout


def stop(daemon):
    daemon.signal(signal.SIGTERM)
    check(daemon.wait(LATE_S) == 0, "a clean end")


def acts_and_is_released():
    with House() as b:
        d = b.interlocked()
        text = status(d)
        check("discharge 0.0 A (interlock)" in text, text)
        check(f"battery {OTHER_A * OTHER_V} W" in text and "grid:" in text, text)
        # The house needs more than the other one takes: that much is ours to give.
        b.meter.tell(f"power {IMPORT_W}")
        need_a = (IMPORT_W - OTHER_A * OTHER_V) / PACK_V
        b.wait_discharge(d, f"{need_a:.1f} A", lambda a: abs(a - need_a) < 1, 0)
        b.meter.tell("power 0")
        b.wait_discharge(d, "0 A again", lambda a: a == 0, 0)
        b.goodwe.tell("mode standby", "current 0")
        begin = now()
        b.wait_discharge(d, "of the envelope", lambda a: a > need_a + 1, POLL_S + HOLD_S)
        check(now() - begin >= HOLD_S, f"released after {now() - begin:.1f} s")
        wait_log(d, "arbiter: discharge free again")
        check("interlock" not in status(d), status(d))
        stop(d)


def silence(rule, wanted, **changes):
    """Both die while the interlock acts: nothing of it stays."""
    with House() as b:
        text = b.text
        b.text = lambda **more: text(**{**changes, **more})
        d = b.interlocked()
        died = now()
        b.meter.kill()
        b.goodwe.process.kill()
        wait_log(d, "no word of the grid meter")
        check(now() - died >= STALE_S["sma"] - 1 or SLOW, f"after {now() - died:.1f} s")
        # The word of the other one still counts, and nobody knows what the house needs.
        check(limits(b.node.of(0x351)[-1])[1] == 0, "0 A while the other one's word counts")
        at = b.wait_discharge(d, f"after the silence ({rule or 'free'})", wanted, STALE_S["goodwe"])
        wait_log(d, "no word of the other inverter")
        check(SLOW or at - died <= STALE_S["goodwe"] + 3, f"after {at - died:.1f} s")
        shown = status(d)
        check("nothing heard of a meter" in shown and "nothing heard of another" in shown, shown)
        check("interlock" not in shown and (rule is None or f"({rule})" in shown), shown)
        stop(d)


def release():
    silence(None, lambda a: a > 30)


def cap():
    silence("source-silent", lambda a: a == 12.5, goodwe_fallback="cap:12.5A")


def halves():
    """What is told of settings of which only one half is there."""
    with House() as b:
        def judged(**changes):
            path = b.dir / "half.conf"
            path.write_text(b.text(**changes), encoding="ascii")
            result = subprocess.run([program(), "--config", str(path), "--check"],
                                    capture_output=True, text=True, check=False, timeout=20)
            return result.returncode, result.stderr
        none = {"goodwe_host": "none"}
        code, text = judged()
        check(code == 0 and "arbiter" not in text and "goodwe" not in text, text)
        code, text = judged(arbiter_interlock="yes", **none)
        check(code == 0 and "warning: arbiter.interlock=yes" in text and "goodwe.host" in text, text)
        code, text = judged(sma_enabled="no")
        check(code == 0 and "warning: goodwe.host: without a meter" in text, text)
        code, text = judged(goodwe_fallback="zero", **none)
        check(code == 1 and "goodwe.fallback (zero, line " in text and "against goodwe.host" in text, text)
        path = b.dir / "explain.conf"
        path.write_text(b.text(), encoding="ascii")
        result = subprocess.run([program(), "--config", str(path), "--explain"],
                                capture_output=True, text=True, check=False, timeout=60)
        check(result.returncode == 0, result.stderr)
        check("grid:   0 W" in result.stdout and f"battery {OTHER_A * OTHER_V} W" in result.stdout,
              result.stdout)


@takes(20)
def test_SAF_07_what_is_heard_is_shown_over_mqtt():
    if not MOSQUITTO:
        return "mosquitto is not installed"
    with House() as b:
        b.goodwe.tell(f"soc {OTHER_SOC}")
        folder = b.dir / "broker"
        folder.mkdir(mode=0o700)
        broker = Broker(folder).start()
        try:
            with Client(broker.port) as c:
                d = b.start(b.text(mqtt_host="127.0.0.1", mqtt_port=str(broker.port),
                                   mqtt_interval="1s"))
                house = c.wait_json("jkpylon/house", WAIT_S, arbiter_discharge_by="interlock",
                                    arbiter_discharge=0, grid_power=0, peer_soc=OTHER_SOC,
                                    peer_power=OTHER_A * OTHER_V, peer_direction="charging",
                                    peer_source="inverter")
                check(house["grid_age"] < STALE_S["sma"], house)
                check(house["peer_age"] < POLL_S + LATE_S and house["portal_age"] is None, house)
                check(house["arbiter_charge"] is None and house["oscillating"] is False, house)
                c.wait_json("jkpylon/limits", WAIT_S, discharge_limit=0,
                            discharge_limited_by="interlock")
                states = c.wait_json("jkpylon/service", WAIT_S, after=len(c.messages))["services"]
                check(set(states) == {"sma", "goodwe", "mqtt"}, states)
                check(states["sma"]["state"] == states["goodwe"]["state"] == "good", states)
                told = c.wait("homeassistant/device/jkpylon/config", WAIT_S)
                parts = json.loads(told.payload)["cmps"]
                check(parts["house_grid_power"]["stat_t"] == "jkpylon/house", parts)
                check("service_sma_state" in parts and "service_goodwe_state" in parts, list(parts))
                # A meter that is silent has no power, but an age.
                b.meter.tell("power 1234")
                c.wait_json("jkpylon/house", WAIT_S, grid_power=1234)
                b.meter.kill()
                house = c.wait_json("jkpylon/house", STALE_S["sma"] + WAIT_S, grid_power=None,
                                    after=len(c.messages))
                check(house["grid_age"] > STALE_S["sma"], house)
                stop(d)
        finally:
            broker.kill()


@takes(30)
def test_SAF_07_SAF_13_word_of_the_other_one_lowers_and_expires():
    together([acts_and_is_released, release, cap, halves])


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
HANGS_S = 30


def thread_of(daemon, name):
    """Id of the worker's thread with this name."""
    for task in pathlib.Path(f"/proc/{daemon.worker()}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


@takes(45)
def test_FLT_33_thread_that_hangs_is_told():
    """One thread alone is stopped, as nothing but a tracer can."""
    libc = ctypes.CDLL(None, use_errno=True)

    def trace(request, tid):
        check(libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno()))
    with House() as b:
        d = b.start(b.text())
        wait_log(d, "GoodWe: the inverter answers")
        tid = thread_of(d, "goodwe")
        if libc.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
            return f"may not trace: {os.strerror(ctypes.get_errno())}"
        trace(PTRACE_INTERRUPT, tid)
        stopped = now()
        wait_for(lambda: "the thread of goodwe hangs" in d.log(), HANGS_S + 10 + LATE_S, d.log())
        check(now() - stopped >= HANGS_S - 1, f"told after {now() - stopped:.1f} s")
        check("the thread of sma hangs" not in d.log(), d.log())
        # Nothing is held from it, and the battery is served.
        b.wait_discharge(d, "of the envelope", lambda a: a > 30, STALE_S["goodwe"])
        trace(PTRACE_DETACH, tid)
        wait_for(lambda: "the thread of goodwe moves again" in d.log(), 10 + LATE_S, d.log())
        stop(d)
    return None


if __name__ == "__main__":
    sys.exit(main([test_FLT_33_thread_that_hangs_is_told,
                   test_SAF_07_SAF_13_word_of_the_other_one_lowers_and_expires,
                   test_SAF_07_what_is_heard_is_shown_over_mqtt]))
