#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The meter at the grid connection, over a network: interfaces that come and go, two meters, other
devices, lies; the tools.

Environment: see sma_bench.py
"""

import contextlib
import json
import pathlib
import signal
import socket
import sys

from daemon_bench import Bench, check, wait_for
from sma_bench import (BACKWARDS, BROKEN, DEVICE, DISCOVERY, GOOD, HOME, INVERTER, METER,
                       OTHER, OTHER_SERIAL, OTHER_SOURCE, PROBE, REPEATED, SERIAL, SIM,
                       STRANGER, TAKEN, TOO_MUCH, TRUNCATED, USAGE, WAIT_S, Far, Listener, run,
                       run_all)


def test_FLT_40_interface_comes_late_and_flaps():
    with Far() as far, Listener() as l:
        l.wait_event("the interface of sma.interface is not there")
        far.plug()
        sim = far.sim("--power", "306", "--rate", "5")
        l.wait_power(306)
        # the cable is out
        far.ip("link", "set", "far0", "down")
        l.wait("closed", lambda s: s["state"] == "closed")
        l.wait_event("the interface of sma.interface is down")
        l.wait("the value grows old", lambda s: s["age_ms"] > 1000)
        far.ip("link", "set", "far0", "up")
        sim.ok("power 307")
        l.wait_power(307)
        # another interface of the same name
        far.unplug()
        far.plug()
        sim.close()
        far.sim("--power", "-308", "--rate", "5", "--kind", "hm")
        s = l.wait_power(-308)
        check(s["opens"] >= 3, f"joined {s['opens']} times")


def test_two_meters_foreign_datagrams_unicast():
    with Far() as far:
        far.plug()
        own = far.sim("--power", "500", "--rate", "5")
        far.sim("--power", "-9000", "--rate", "5", "--kind", "hm", serial=OTHER, address=STRANGER)
        own.ok("foreign 20")
        with Listener("none") as l:
            s = l.wait("both are heard", lambda s: s["heard"] == 2)
            check(s["t_ns"] == -1 and s["verdict"][TAKEN] == 0, f"nothing is taken: {s}")
            l.wait_event(f"nothing is taken before it is named: serial = {SERIAL} in [sma]")
            l.wait_event(f"nothing is taken before it is named: serial = {OTHER} in [sma]")
        with Listener(SERIAL) as l:
            s = l.wait("samples", lambda s: s["verdict"][TAKEN] >= 5 and
                       s["verdict"][OTHER_SERIAL] >= 5 and s["kind"][DISCOVERY] >= 5 and
                       s["kind"][INVERTER] >= 5)
            check(s["power_w"] == 500 and s["serial"] == SERIAL, f"{s}")
            # the meter now sends to this machine alone, protocol 6081
            own.close()
            l.wait("silence", lambda s: s["age_ms"] > 500)
            sim = far.sim("--power", "-6994", "--rate", "5", "--kind", "unicast", "--to", HOME)
            sim.ok("ticker 100000000")
            s = l.wait_power(-6994)
            check(s["opens"] == 1, "one joining for both")


def test_FLT_41_spoofed_address_replay_and_impossible_power():
    with Far() as far:
        far.plug()
        own = far.sim("--power", "500", "--rate", "5")
        with Listener(SERIAL) as l:
            l.wait_power(500)
            liar = far.sim("--power", "-9000", "--rate", "10", address=STRANGER)
            l.wait("dropped", lambda s: s["verdict"][OTHER_SOURCE] >= 10)
            own.ok(f"spoof {SERIAL} 65535")
            l.wait("dropped", lambda s: s["verdict"][REPEATED] >= 5)
            own.ok("spoof off", "power 65535")
            l.wait("dropped", lambda s: s["verdict"][TOO_MUCH] >= 5)
            own.ok("power 501")
            l.wait_power(501)
            own.ok("ticker back 5000")
            l.wait("dropped", lambda s: s["verdict"][BACKWARDS] >= 5)
            # it goes on from there: a meter that was switched off and on
            l.wait_event("the meter has begun anew")
            own.ok("power 502", "truncate 300")
            l.wait("dropped", lambda s: s["kind"][TRUNCATED] >= 3)
            own.ok("truncate off", "damage on")
            l.wait("dropped", lambda s: sum(s["kind"][TRUNCATED:]) >= 6)
            own.ok("damage off")
            s = l.wait_power(502)
            check(s["verdict"][OTHER_SOURCE] > 10, "the liar goes on")
            # until the meter is silent
            own.ok("silent on")
            l.wait_power(-9000)
            liar.close()


def test_FLT_40_daemon_without_the_interface_and_dry():
    with Far() as far, Bench() as b:
        text = b.text(sma_enabled="yes", sma_interface="sma0", sma_serial="any")
        d = b.start_running(text=text)
        wait_for(lambda: "SMA: the interface of sma.interface is not there" in d.log(), WAIT_S, d.log())
        check("sma.serial=any: the first meter heard is believed" in d.log(), d.log())
        d.signal(signal.SIGTERM)
        check(d.wait(10) == 0, "exit code 0")
        # It only listens: a dry run does too.
        far.plug()
        far.sim("--power", "-700", "--rate", "5")
        d = b.start(text, args=["--dry-run"])
        wait_for(lambda: f"meter {SERIAL} at {METER} gives the power at the grid, -700 W" in d.log(),
                 WAIT_S, d.log())
        d.signal(signal.SIGTERM)
        d.wait(10)
        # Not configured: no thread.
        d = b.start(b.text())
        wait_for(lambda: "ladder: run" in d.log(), WAIT_S, "it runs")
        names = [(t / "comm").read_text(encoding="ascii").strip()
                 for t in pathlib.Path(f"/proc/{d.worker()}/task").iterdir()]
        check("sma" not in names, f"{names}")


def probe(*args):
    result = run(PROBE, "sma", *args)
    return result.returncode, result.stdout + result.stderr


def test_probe():
    def expect(status, *texts, args=("sma0", "-t", "0.9")):
        code, text = probe(*args)
        check(code == status, f"{args}: exit status {code}, expected {status}\n{text}")
        for wanted in texts:
            check(wanted in text, f'{args}: "{wanted}" is not in\n{text}')

    with Far() as far:
        expect(DEVICE, "sma0: no such interface", "there are: lo")
        far.plug()
        expect(BROKEN, "verdict: silent: no datagram came", "next: check that the meter is on")
        sim = far.sim("--power", "-1234.5", "--rate", "5", "--kind", "hm")
        expect(GOOD, f"meter {SERIAL}: Sunny Home Manager 2.0 (SUSy id 372", f"at {METER}",
               "-1234.5 W", "5.0 a second", "verdict: good", "its number goes into sma.serial")
        expect(BROKEN, "but not this serial number", args=("sma0", "-t", "0.6", "--serial", "7"))
        expect(GOOD, "good: the meter is heard", args=("sma0", "-t", "0.6", "--serial", str(SERIAL)))
        code, text = probe("sma0", "-t", "0.6", "--json")
        found = json.loads(text)
        check(code == GOOD and found["meters"][0]["serial"] == SERIAL and
              found["meters"][0]["power_w"] == -1234.5 and found["meters"][0]["susy"] == 372, text)
        sim.ok(f"spoof {OTHER} 5")
        expect(GOOD, "several meters are heard", f"meter {OTHER}", f"meter {SERIAL}")
        sim.ok("heal", "silent on", "foreign 20")
        expect(BROKEN, "only other Speedwire devices", "inverter", "discovery")
        sim.ok("heal", "truncate 100")
        expect(BROKEN, "only damaged datagrams", "truncated")
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
            s.bind(("0.0.0.0", 9522))
            expect(DEVICE, "UDP port 9522", "another program holds it")
        run("ip", "link", "set", "sma0", "down")
        expect(DEVICE, "sma0 is down", "ip link set sma0 up")
        expect(USAGE, "expected an IPv4 multicast address", args=("sma0", "--group", "10.0.0.1"))
        expect(USAGE, "expected a whole number", args=("sma0", "--serial", "0"))


def test_sim_answers_commands_and_refuses_nonsense():
    with Far() as far:
        far.plug()
        sim = far.sim()
        for line, word in (("power", "wrong number of words"), ("power x", "is no number"),
                           ("kind x", "expected em, hm or unicast"), ("flood 5 x", "expected meter"),
                           ("nonsense", "unknown command"), ("ticker 1 2", "expected MS")):
            check(word in sim.command(line), f"{line}: {sim.command(line)}")
        sim.ok("power -5", "rate 50", "flood 100 meter", "heal")
        wait_for(lambda: sim.status()["sent"] > 5, WAIT_S, "it sends")
        check(sim.status()["power_w"] == -5, "power")
        for args, word in (((), "--interface is missing"), (("--interface", "nope0"), "nope0"),
                           (("--interface", "lo", "--port", "0"), "expected a number"),
                           (("--to", "nonsense"), "expected an IPv4 address"),
                           (("--interface", "lo", "surplus"), "unexpected argument")):
            result = run(SIM, "sma", *args)
            check(result.returncode in (1, 2) and word in result.stderr, f"{args}: {result}")
        check("flood N" in run(SIM, "sma", "--help").stdout, "--help")


if __name__ == "__main__":
    sys.exit(run_all([t for n, t in list(globals().items()) if n.startswith("test_")]))
