#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT against a real broker: what is published, what orders do, and that nothing the broker does
changes anything else.

Environment: see daemon_bench.py. JKP_LONG=1: outages two thousand times.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import threading
import time

from daemon_bench import (IDS, SLOW, Bench, Daemon, check, limits, main, now, takes, wait_for,
                          with_cell)
from mqtt_bench import (MOSQUITTO, OPENSSL, PASSWD, Broker, Client, Stub, make_certificates, reset,
                        stall, text_of)

LONG = os.environ.get("JKP_LONG") == "1"
WAIT_S = 60 if SLOW else 15
STOP_S = 6 if SLOW else 2.5
GROUPS = ("battery", "cells", "limits", "safety", "bms", "can", "realtime", "orders", "house",
          "service")
SECRET = "correct-horse-battery"


class MqttBench(Bench):
    """Adds a broker that is not started yet; options go to it."""

    def __init__(self, **options):
        super().__init__(again=True)
        self.options = options

    def __enter__(self):
        super().__enter__()
        folder = self.dir / "broker"
        folder.mkdir(mode=0o700)
        self.broker = Broker(folder, **self.options)
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        if kind is not None:
            print("--- broker\n" + self.broker.log()[-3000:], file=sys.stderr)
        self.broker.kill()

    def text(self, **changes):
        return super().text(**{"mqtt_host": "127.0.0.1", "mqtt_port": str(self.broker.port),
                               "mqtt_interval": "1s", "mqtt_keepalive": "5s",
                               "mqtt_commands": "yes", "limits_rise": "100A/s", "can_set": "200ms",
                               "limits_calm": "0ms", **changes})

    def wait_log(self, daemon, text, seconds=WAIT_S, after=0):
        return wait_for(lambda: [line for line in daemon.lines[after:] if text in line], seconds,
                        f'"{text}" in the log\n' + daemon.log())[0]


def needs_broker(test):
    def wrapped():
        if not MOSQUITTO or not PASSWD or not OPENSSL:
            return "mosquitto or openssl is not installed"
        return test()
    wrapped.__name__ = test.__name__
    wrapped.seconds = getattr(test, "seconds", 5)
    return wrapped


def steady(b):
    """Limits of the bus, once they rest."""
    def look():
        frames = b.node.of(0x351)[-4:]
        return len(frames) == 4 and limits(frames[0])[1] > 0 and len({limits(f) for f in frames}) == 1
    wait_for(look, WAIT_S, "limits that rest")
    return limits(b.node.of(0x351)[-1])


def bus_is_calm(b, begin, said):
    """Sets go on, all with the same limits; the cycle has its 200 periods a second."""
    frames = [f for f in b.node.frames if f.t >= begin]
    for ident in IDS:
        gaps = [f.t for f in frames if f.id == ident]
        gaps = [y - x for x, y in zip(gaps, gaps[1:])]
        check(SLOW or all(g < 1.5 for g in gaps), f"0x{ident:X}: {max(gaps, default=0)} s apart")
    other = {limits(f) for f in frames if f.id == 0x351} - {said}
    check(not other, f"limits {other} besides {said}")


def worker_of(d):
    return wait_for(d.worker, 5, "a worker")


def size_of(pid):
    """(kB resident, descriptors)"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return (int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), len(os.listdir(f"/proc/{pid}/fd")))


@needs_broker
def test_states_discovery_and_last_words():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            d = b.start_running()
            battery = c.wait_json("jkpylon/battery", soc=60)
            check(battery["voltage"] == 52.28 and battery["age"] < 1.5, battery)
            check(abs(battery["time"] - time.time()) < 5, battery)
            check(c.wait_json("jkpylon/cells", count=16)["cell_16"] > 3, "cells")
            check(c.wait_json("jkpylon/safety", step="run")["relay"] == "none", "no relay here")
            check(c.wait_json("jkpylon/realtime")["cycles"] > 0, "cycles")
            service = c.wait_json("jkpylon/service")
            check(service["services"]["mqtt"]["state"] in ("open", "good"), service)
            # The values come before the word that there are some.
            first = [m.topic for m in c.messages]
            check(first.index("jkpylon/service") < first.index("jkpylon/status"), first)
            check(c.of("jkpylon/status")[0].payload == b"online", "online")
            config = c.wait("homeassistant/device/jkpylon/config", after=0,
                            condition=lambda m: b"cells_cell_16" in m.payload)
            components = json.loads(config.payload)["cmps"]
            check(components["set_charge_limit"]["cmd_t"] == "jkpylon/set/charge_limit", components)
            check("set_full_charge" not in components, "not allowed, not shown")
            check("house_grid_power" in components and len(components["house_grid_power"]) == 1,
                  "nothing of a house without a meter")
            check(c.wait_json("jkpylon/service", after=len(c.messages))["withheld"] == 0
                  and "too slow" not in d.log(), "a broker that keeps up is not called slow")
            d.signal(signal.SIGTERM)
            check(d.wait(STOP_S) == 0, "exit code 0")
            c.wait("jkpylon/status", condition=lambda m: m.payload == b"offline")
        # A client that comes later sees the newest of each, retained.
        with Client(b.broker.port, name="later") as c:
            for group in GROUPS:
                check(c.wait(f"jkpylon/{group}").retained, group)
            check(c.wait("jkpylon/status").payload == b"offline", "offline")
            mark = len(c.messages)
            # Without discovery what was told is taken back; without orders nothing is subscribed.
            d = b.start(b.text(mqtt_discovery="no", mqtt_commands="no", mqtt_seed_topics="yes"))
            c.wait("homeassistant/device/jkpylon/config", after=mark,
                   condition=lambda m: m.payload == b"")
            seed = c.wait("jk_pylon/Battery_charge_current_limit", after=mark)
            check(re.fullmatch(rb"\d+\.\d", seed.payload) and not seed.retained, seed)
            c.publish("jkpylon/set/charge_limit", "1")
            time.sleep(1)
            check("command" not in d.log(), d.log())
            # A daemon that is killed: the broker says so in its place.
            mark = len(c.messages)
            d.close()
            c.wait("jkpylon/status", after=mark, condition=lambda m: m.payload == b"offline")


@needs_broker
@takes(9)
def test_SAF_19_FLT_35_FLT_36_FLT_37_orders():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            # Somebody has left an order behind: it says nothing about now.
            c.publish("jkpylon/set/pause_charge", "ON", retain=True)
            d = b.start(b.text(mqtt_allow_full_charge="yes"))
            said = steady(b)
            b.wait_log(d, "MQTT: a retained order is ignored (1 so far)")
            check("command accepted" not in d.log(), d.log())
            # accepted, in force, shown, and it ends by itself
            begin = now()
            c.publish("jkpylon/set/discharge_limit", '{"value":12.5,"ttl":2,"id":"first"}')
            c.wait_json("jkpylon/reply", order="discharge_limit", id="first", verdict="accepted")
            check(SLOW or now() - begin < 0.5, f"answered after {now() - begin:.2f} s")
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == (said[0], 12.5), 3, "12.5 A on the bus")
            v = b.stats.wait(3, "the order was timed", lambda v: v["command_count"] == 1)
            check(SLOW or v["command_max_ns"] < 500_000_000, f"{v['command_max_ns']} ns in the ring")
            c.wait_json("jkpylon/orders", discharge_limit=12.5)
            c.wait_json("jkpylon/limits", discharge_limited_by="command", discharge_limit=12.5)
            c.wait_json("jkpylon/reply", id="first", verdict="expired")
            check(SLOW or 1.9 < now() - begin < 3.2, f"ended after {now() - begin:.2f} s")
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == said, 5, "as before")
            # renewed, released
            c.publish("jkpylon/set/pause_charge", '{"value":"ON","ttl":30,"id":"p1"}')
            c.wait_json("jkpylon/reply", id="p1", verdict="accepted")
            c.publish("jkpylon/set/pause_charge", '{"value":"ON","ttl":30,"id":"p2"}')
            c.wait_json("jkpylon/reply", id="p1", verdict="replaced")
            wait_for(lambda: limits(b.node.of(0x351)[-1])[0] == 0, 3, "charging paused")
            c.publish("jkpylon/set/pause_charge", "OFF")
            c.wait_json("jkpylon/reply", id="p2", verdict="released")
            # bounds of the SoC (60 %)
            c.publish("jkpylon/set/soc_max", '{"value":60,"id":"s"}')
            c.wait_json("jkpylon/limits", charge_limited_by="soc-max", charge_limit=0)
            c.publish("jkpylon/set/full_charge", '{"value":"ON","id":"f"}')
            c.wait_json("jkpylon/reply", id="f", verdict="accepted")
            c.publish("jkpylon/set/release", "PRESS")
            c.wait_json("jkpylon/reply", id="f", verdict="released")
            time.sleep(2)
            # refused, each with its reason
            for payload, reason in (('{"value":401,"id":"r1"}', "value out of range"),
                                    ('{"value":5,"ttl":61,"id":"r1"}', "ttl must be"),
                                    ("5 A", "neither a value"), (b"\xff\xfe5", "only printable"),
                                    (b"", "empty")):
                mark = len(c.messages)
                c.publish("jkpylon/set/charge_limit", payload)
                reply = c.wait_json("jkpylon/reply", after=mark, verdict="refused")
                check(reason in reply["reason"], reply)
                time.sleep(0.3)
            mark = len(c.messages)
            c.publish("jkpylon/set/ack", "ON")
            check("no order has" in c.wait_json("jkpylon/reply", after=mark)["reason"], "ack")
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == said, 5, "as before")
            check("MQTT: order not understood" in d.log(), d.log())


@needs_broker
@takes(4)
def test_FLT_36_SAF_13_flood_and_large_payloads():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port, topics=("jkpylon/reply", "jkpylon/orders")) as c:
            d = b.start()
            said = steady(b)
            pid = worker_of(d)
            begin = now()
            c.publish("jkpylon/set/charge_limit", b"1" * 1000000)
            reply = c.wait_json("jkpylon/reply", verdict="refused")
            check("longer than 256 bytes" in reply["reason"], reply)
            rss, _ = size_of(pid)
            mark = len(c.messages)
            for _ in range(3000):
                c.publish("jkpylon/set/charge_limit", '{"value":399,"ttl":1}')
            b.wait_log(d, "MQTT: more than 2 orders a second")
            time.sleep(1)
            bus_is_calm(b, begin, said)  # 399 A raise nothing
            replies = c.of("jkpylon/reply", mark)
            check(len(replies) < 60, f"{len(replies)} replies")
            check("399 A for 1 s" in d.log(), d.log())
            check(SLOW or size_of(pid)[0] - rss < 4096, f"{size_of(pid)[0] - rss} kB more")


@needs_broker
@takes(7)
def test_SAF_19_latch_is_not_cleared_over_mqtt():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            good = b.bms.frame
            d = b.start()
            steady(b)
            b.bms.frame = with_cell(good, 1, 3750)
            c.wait_json("jkpylon/safety", WAIT_S, latched="critical", problem=True)
            b.bms.frame = good
            for order in ("ack", "release", "full_charge", "charge_limit"):
                for payload in ("ON", "ack", "1", '{"value":1,"id":"x"}', "PRESS"):
                    c.publish(f"jkpylon/set/{order}", payload)
                time.sleep(0.5)
            mark = len(c.messages)
            c.wait_json("jkpylon/safety", after=mark, latched="critical")
            check("acknowledged" not in d.log(), d.log())
            check(limits(b.node.of(0x351)[-1]) == (0, 0), "0 A")


@needs_broker
@takes(30)
def test_FLT_34_outages_leave_nothing_behind():
    """Two daemons, so twice the outages: the broker is killed and comes back, again and again."""
    cycles = 1000 if LONG else 20
    with MqttBench() as b, Bench() as other:
        b.broker.start()
        with Client(b.broker.port, topics=("a/#", "b/#")) as c:
            text = b.text(mqtt_client_id="b", mqtt_prefix="b")
            text = text.replace(b.bms.device, other.bms.device).replace(b.bus, other.bus)
            text = text.replace(b.stats.path, other.stats.path)
            text = text.replace(str(b.dir / "state"), str(other.dir / "state"))
            daemons = [b.start(b.text(mqtt_client_id="a", mqtt_prefix="a")), Daemon(other, text)]
            said = steady(b)
            begin = now()
            sizes = []
            for cycle in range(cycles):
                for name in "ab" if cycle == 0 else "":
                    c.wait(f"{name}/status", WAIT_S)
                time.sleep(0.1)  # what is not acknowledged makes the next pause longer
                b.broker.kill()
                mark = len(c.messages)
                killed = time.time()
                b.broker.start()
                for name in "ab":
                    c.wait(f"{name}/status", WAIT_S, mark, lambda m: m.payload == b"online")
                    heard = [m for m in c.messages[mark:] if m.topic.startswith(name + "/")]
                    # What comes first is a state, and it is of now: nothing old was kept.
                    check(heard[0].topic == f"{name}/battery", heard[0])
                    for m in heard:
                        if m.payload.startswith(b"{"):
                            check(json.loads(m.payload)["time"] >= int(killed), f"old: {m}")
                sizes.append([size_of(worker_of(d)) for d in daemons])
                if cycle % 50 == 0:
                    c.messages = c.messages[-200:]
            early, late = sizes[min(5, cycles - 2)], sizes[-1]
            for (rss0, fds0), (rss1, fds1) in zip(early, late):
                check(fds1 == fds0, f"descriptors {fds0} before, {fds1} after")
                check(SLOW or rss1 - rss0 <= 512, f"{rss0} kB before, {rss1} kB after")
            print(f"# {2 * cycles} outages: kB and descriptors {early} then {late}", flush=True)
            bus_is_calm(b, begin, said)
            for d in daemons:
                check("ladder: caution" not in d.log(), d.log())


@needs_broker
@takes(16)
def test_FLT_33_FLT_34_half_open_broker_is_left():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            d = b.start()
            said = steady(b)
            c.wait("jkpylon/status")
            c.publish("jkpylon/set/discharge_limit", '{"value":20,"ttl":4,"id":"x"}')
            c.wait_json("jkpylon/reply", id="x", verdict="accepted")
            # Its kernel goes on to acknowledge: only that it says nothing can be seen.
            b.broker.stop()
            stopped = now()
            begin = stopped + 6  # FLT-37: the order ends by itself
            b.wait_log(d, "MQTT: connection to the broker lost", 20)
            check(SLOW or now() - stopped < 13, f"left after {now() - stopped:.1f} s")
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == said, 8, "the order has ended")
            b.wait_log(d, "command expired: limit-discharge")
            mark = len(c.messages)
            resumed = time.time()
            b.broker.go_on()
            c.wait("jkpylon/status", 25, mark, lambda m: m.payload == b"online")
            last = c.of("jkpylon/battery")[-1]
            check(json.loads(last.payload)["time"] >= int(resumed) - 1, last)
            bus_is_calm(b, begin, said)
            # One that stands still hinders no end.
            b.broker.stop()
            time.sleep(0.5)
            begin = now()
            d.signal(signal.SIGTERM)
            check(d.wait(STOP_S) == 0, "exit code 0")
            b.broker.go_on()


@needs_broker
@takes(12)
def test_SAF_13_FLT_34_broker_that_resets_or_stalls_is_asked_less_and_less():
    with MqttBench() as b, Stub(reset) as resets, Stub(stall) as stalls:
        d = b.start(b.text(mqtt_port=str(resets.port)))
        said = steady(b)
        b.wait_log(d, "MQTT: the broker cannot be reached")
        begin = now()
        pid = worker_of(d)
        wait_for(lambda: len(resets.accepted) >= 4, 20, "asked again")
        gaps = [y - x for x, y in zip(resets.accepted, resets.accepted[1:])]
        check(0.9 < gaps[0] < 1.8 + 5 * SLOW and 1.9 < gaps[1] < 3.2 + 5 * SLOW and
              3.9 < gaps[2] < 5.8 + 5 * SLOW, f"{gaps} s apart")
        check(size_of(pid)[1] <= 64, "descriptors")
        bus_is_calm(b, begin, said)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        # It accepts, and says nothing: the end does not wait for it.
        d = b.start(b.text(mqtt_port=str(stalls.port)))
        wait_for(lambda: stalls.accepted, WAIT_S, "connected")
        steady(b)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check("hangs" not in d.log(), d.log())


@needs_broker
@takes(8)
def test_SAF_13_FLT_33_name_service_that_hangs_delays_no_end():
    if SLOW:
        return "a sanitizer does not go with a preloaded library"
    with MqttBench() as b:
        path = b.dir / "stall"
        path.write_text("name", encoding="ascii")
        env = {"LD_PRELOAD": os.environ["JKP_STALLER"], "JKP_STALL": str(path)}
        d = b.start(env=env)
        steady(b)
        begin, worker = now(), worker_of(d)
        d.signal(signal.SIGHUP)
        wait_for(lambda: not pathlib.Path(f"/proc/{worker}").exists(), WAIT_S, "the worker ends")
        took = now() - begin
        print(f"        reload: the worker ended after {took:.2f} s")
        wait_for(lambda: d.worker() not in (None, worker), WAIT_S, "a new worker")
        check(took < 0.9, f"the worker ended {took:.2f} s after SIGHUP\n{d.log()}")
        check("hangs" not in d.log(), d.log())
        steady(b)
        begin = now()
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + 1) == 0, "exit code 0")
        print(f"        stop: after {now() - begin:.2f} s")
        b.wait_log(d, "the thread of mqtt hangs and is left behind")
        check("stopped" in d.log() and "libraries are taken down" not in d.log(), d.log())
        # With nothing left behind they are: this is what was looked for.
        path.write_text("", encoding="ascii")
        d = b.start(env=env)
        b.wait_log(d, "MQTT: the broker cannot be reached")
        path.write_text("name", encoding="ascii")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check("libraries are taken down" in d.log(), d.log())


def announce(connection):
    """Lets in, then announces a message of 256 MB and sends what there is room for."""
    connection.recv(1000)
    connection.sendall(b"\x20\x02\0\0" + b"\x30\xff\xff\xff\x7f" + bytes(100000))
    return True


@needs_broker
@takes(4)
def test_SAF_13_FLT_36_FLT_49_broker_that_announces_256_MB_gets_no_memory():
    with MqttBench() as b, Stub(announce) as stub:
        # A sanitizer would end the process where malloc() fails.
        options = {name: os.environ.get(name, "") + ":allocator_may_return_null=1"
                   for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
        d = b.start(b.text(mqtt_port=str(stub.port)), env=options)
        said = steady(b)
        begin = now()
        b.wait_log(d, "MQTT: connection to the broker lost (errno 12)")
        check(SLOW or size_of(worker_of(d))[0] < 40000, f"{size_of(worker_of(d))}")
        accepted = len(stub.accepted)
        wait_for(lambda: len(stub.accepted) > accepted, WAIT_S, "tried again")
        bus_is_calm(b, begin, said)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")


def let_in(connection):
    """Lets in, then takes nothing any more."""
    connection.recv(1000)
    connection.sendall(b"\x20\x02\0\0")
    return True


class TlsFlood:
    """Lets in over TLS, then sends orders without an end, in pieces that end in no record."""

    def __init__(self, certificates):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificates}/server.crt", f"{certificates}/server.key")

    def __call__(self, connection):
        threading.Thread(target=self.flood, args=(connection,), daemon=True).start()
        return True

    def flood(self, connection):
        with contextlib.suppress(OSError), self.context.wrap_socket(connection, server_side=True) as s:
            s.recv(1000)
            s.sendall(b"\x20\x02\0\0")
            while True:
                s.sendall(Client.packet(0x30, text_of(b"jkpylon/set/x") + b"1") * 50000)


@needs_broker
@takes(10)
def test_SAF_13_FLT_34_FLT_36_flood_over_tls_is_left():
    with Bench() as outer:
        certificates = make_certificates(outer.dir)
        with MqttBench() as b, Stub(TlsFlood(certificates)) as stub:
            d = b.start(b.text(mqtt_port=str(stub.port), mqtt_host="localhost", mqtt_tls="yes",
                               mqtt_ca_file=f"{certificates}/ca.crt"))
            said = steady(b)
            begin = now()
            b.wait_log(d, "MQTT: connection to the broker lost")
            wait_for(lambda: len(stub.accepted) >= 3, WAIT_S, "left, tried again, left again")
            gaps = [y - x for x, y in zip(stub.accepted, stub.accepted[1:])]
            check(0.9 < gaps[0] < 1.8 + 5 * SLOW and 1.9 < gaps[1] < 3.2 + 5 * SLOW,
                  f"{gaps} s apart")
            bus_is_calm(b, begin, said)
            d.signal(signal.SIGTERM)
            check(d.wait(STOP_S) == 0, "exit code 0")
            check("hangs" not in d.log(), d.log())


@needs_broker
@takes(15)
def test_SAF_13_FLT_34_slow_broker_is_left_and_nothing_piles_up():
    with MqttBench() as b, Stub(let_in, 4096) as stub:
        # Its keepalive is too long to be what ends it.
        d = b.start(b.text(mqtt_port=str(stub.port), mqtt_keepalive="60s"))
        said = steady(b)
        begin = now()
        pid = worker_of(d)
        rss, fds = size_of(pid)
        b.wait_log(d, "MQTT: connection to the broker lost (errno 110)", 25)
        check(SLOW or now() - stub.accepted[0] < 14, f"left after {now() - stub.accepted[0]:.1f} s")
        check(SLOW or size_of(pid)[0] - rss < 1024, f"{rss} kB before, {size_of(pid)[0]} kB after")
        check(size_of(pid)[1] <= fds, "descriptors")
        bus_is_calm(b, begin, said)


@needs_broker
@takes(4)
def test_SAF_13_FLT_33_absent_broker_keeps_nothing_from_starting():
    with MqttBench() as b:
        d = b.start()
        begin = now()
        said = steady(b)
        line = b.wait_log(d, "MQTT: the broker cannot be reached (errno 111)")
        check(line.startswith("<4>"), line)
        b.broker.start()
        with Client(b.broker.port) as c:
            c.wait("jkpylon/status", WAIT_S)
        check(said == limits(b.node.of(0x351)[-1]) and now() > begin, "the bus goes on")
        b.broker.kill()
        b.wait_log(d, "MQTT: connection to the broker lost")
        # no such host
        d = b.start(b.text(mqtt_host="no-such-host.invalid", rt_stats=str(b.dir / "s2"),
                           can_interface=f"unix:{b.dir}/bus2", bms_device=b.bms.device,
                           failsafe_state=str(b.dir / "state2")))
        check(d.wait(10) != 0, "the line of the BMS is taken")


@needs_broker
@takes(4)
def test_FLT_34_FLT_58_passwords():
    with MqttBench(users={"me": SECRET}) as b:
        b.broker.start()
        secret = b.dir / "secret"
        secret.write_text("wrong\n", encoding="ascii")
        os.chmod(secret, 0o644)
        settings = {"mqtt_user": "me", "mqtt_password_file": str(secret)}
        d = b.start(b.text(**settings))
        check(d.wait(5) == 1, "exit code 1")
        check("others can read this secret" in d.log() and "mqtt.password_file" in d.log(), d.log())
        os.chmod(secret, 0o600)
        d = b.start(b.text(**settings))
        line = b.wait_log(d, "MQTT: the broker refuses user or password")
        check("mqtt.password_file" in line, line)
        # A right one is taken without a restart.
        secret.write_text(SECRET + "\n", encoding="ascii")
        with Client(b.broker.port, "me", SECRET) as c:
            c.wait("jkpylon/status", 20)
        # Later it becomes readable for others: it is not used any more.
        mark = len(d.lines)
        os.chmod(secret, 0o640)
        b.broker.kill()
        b.broker.start()
        b.wait_log(d, "MQTT: mqtt.password_file cannot be used", 20, mark)
        os.chmod(secret, 0o600)
        p = b.start(b.text(**settings), args=["--print-config"])
        check(p.wait(5) == 0 and str(secret).encode() in p.out, p.log())
        for process in b.daemons:
            check(SECRET not in process.log() and SECRET.encode() not in process.out, "no secret")


@needs_broker
@takes(8)
def test_SAF_13_certificates_are_checked():
    with Bench() as outer:
        certificates = make_certificates(outer.dir)
        with MqttBench(tls=certificates) as b:
            b.broker.start()
            port = str(b.broker.tls_port)
            rows = [({"mqtt_host": "localhost", "mqtt_ca_file": f"{certificates}/ca.crt"},
                     "MQTT: connected"),
                    ({"mqtt_host": "127.0.0.1", "mqtt_ca_file": f"{certificates}/ca.crt"},
                     "MQTT: the broker's certificate is for another host name"),
                    ({"mqtt_host": "localhost", "mqtt_ca_file": f"{certificates}/other.crt"},
                     "MQTT: the broker's certificate is not signed by a known authority"),
                    ({"mqtt_host": "localhost"},
                     "MQTT: the broker's certificate is not signed by a known authority"),
                    ({"mqtt_host": "localhost", "mqtt_cert_file": f"{certificates}/server.crt",
                      "mqtt_key_file": f"{certificates}/server.key"},
                     "MQTT: the broker's certificate is not signed by a known authority"),
                    ({"mqtt_host": "localhost", "mqtt_port": str(b.broker.port),
                      "mqtt_ca_file": f"{certificates}/ca.crt"}, "MQTT: TLS fails"),
                    ({"mqtt_host": "localhost", "mqtt_ca_file": f"{certificates}/none.crt"},
                     "MQTT: TLS fails")]
            for settings, words in rows:
                d = b.start(b.text(**{"mqtt_tls": "yes", "mqtt_port": port, **settings}))
                b.wait_log(d, words)
                check(("MQTT: connected" in d.log()) == (words == "MQTT: connected"), d.log())
                d.signal(signal.SIGTERM)
                check(d.wait(STOP_S) == 0, f"exit code 0\n{d.log()}")


@needs_broker
@takes(5)
def test_probe_says_what_is_wrong_with_the_leg():
    def probe(b, *args, **settings):
        path = b.dir / "probe.conf"
        path.write_text(b.text(**settings), encoding="ascii")
        result = subprocess.run([os.environ["JKP_PROBE"], "mqtt", str(path), *args],
                                capture_output=True, text=True, timeout=60, check=False)
        check(SECRET not in result.stdout + result.stderr, "no secret")
        return result.returncode, result.stdout + result.stderr

    def expect(status, words, found):
        check(found[0] == status and words in found[1], found)
    with Bench() as outer, MqttBench() as absent:
        certificates = make_certificates(outer.dir)
        expect(3, "verdict: no broker: Connection refused\nnext: check mqtt.host", probe(absent))
        expect(3, "wrong host name: the name service", probe(absent, mqtt_host="no.such.invalid"))
        expect(1, "names no broker: set mqtt.host", probe(absent, mqtt_host="none"))
        expect(1, "unknown key mqtt.hosts", probe(absent, mqtt_hosts="x"))
        with Stub(reset) as stub:
            expect(3, "no broker: Connection reset", probe(absent, mqtt_port=str(stub.port)))
        acl = ["user me", "topic readwrite jkpylon/#", "user mute", "topic read nothing",
               "user long", "topic readwrite jkpylon/#"]
        users = {"me": SECRET, "mute": SECRET, "long": "p" * 255}
        with MqttBench(users=users, tls=certificates, acl=acl) as b:
            b.broker.start()
            secret = b.dir / "secret"
            secret.write_text(SECRET + "\n", encoding="ascii")
            os.chmod(secret, 0o600)
            login = {"mqtt_user": "me", "mqtt_password_file": str(secret)}
            d = b.start(b.text(**login))
            b.wait_log(d, "MQTT: connected")
            expect(0, "verdict: good: the broker takes and delivers", probe(b, **login))
            expect(0, "next: orders are off", probe(b, **login, mqtt_commands="no"))
            found = probe(b, "--json", **login)
            value = json.loads(found[1])
            check(found[0] == 0 and value["good"] and value["echo_ms"] < 2000, found)
            expect(3, "no permission", probe(b, **{**login, "mqtt_user": "mute"}))
            expect(3, "refused: user or password", probe(b, **{**login, "mqtt_user": "you"}))
            # Without a service manager there is no credential: nobody logs in without a password.
            expect(3, "mqtt.password_file cannot be used",
                   probe(b, **{**login, "mqtt_password_file": "credential:mqtt"}))
            # One that is too long is not cut to one that is right.
            long = {**login, "mqtt_user": "long"}
            for end, status, words in (("", 0, "good"), ("\n", 0, "good"),
                                       ("p", 3, "mqtt.password_file cannot be used"),
                                       ("p\n", 3, "mqtt.password_file cannot be used")):
                secret.write_text("p" * 255 + end, encoding="ascii")
                expect(status, words, probe(b, **long))
            secret.write_text(SECRET + "\n", encoding="ascii")
            tls = {**login, "mqtt_tls": "yes", "mqtt_port": str(b.broker.tls_port),
                   "mqtt_ca_file": f"{certificates}/ca.crt"}
            expect(0, "good", probe(b, **{**tls, "mqtt_host": "localhost"}))
            expect(3, "wrong host name in the certificate", probe(b, **tls))
            expect(3, "bad certificate", probe(b, **{**tls, "mqtt_host": "localhost",
                                                     "mqtt_ca_file": f"{certificates}/other.crt"}))
            expect(3, "TLS fails", probe(b, **{**tls, "mqtt_port": str(b.broker.port)}))
            # A certificate of our own, and the authorities of the system.
            own = {**tls, "mqtt_host": "localhost", "mqtt_ca_file": "none",
                   "mqtt_cert_file": f"{certificates}/server.crt",
                   "mqtt_key_file": f"{certificates}/server.key"}
            os.environ["SSL_CERT_FILE"] = f"{certificates}/ca.crt"
            try:
                expect(0, "good", probe(b, **own))
            finally:
                del os.environ["SSL_CERT_FILE"]
            os.chmod(secret, 0o644)
            expect(1, "others can read this secret", probe(b, **login))
            check("MQTT: connection to the broker lost" not in d.log(), "the daemon is not disturbed")


def outline(path):
    """Lines of a file in the subset of YAML that the blueprint uses: (indent, key or "-", value)."""
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.split(" #")[0].rstrip()
        if not text or text.lstrip().startswith("#"):
            continue
        indent = len(text) - len(text.lstrip())
        check(indent % 2 == 0 and "\t" not in text, f"line {number}: indentation")
        text = text.strip()
        while text.startswith("- "):
            lines.append((indent, "-", ""))
            indent, text = indent + 2, text[2:]
        key, colon, value = text.partition(":")
        if colon and re.fullmatch(r"\w+", key):
            lines.append((indent, key, value.strip()))
    return lines


@needs_broker
@takes(8)
def test_home_assistant_blueprint_sends_what_is_understood():
    path = pathlib.Path(os.environ["JKP_SOURCE_DIR"]) / "tools/home-assistant/jkpylon_hold_limit.yaml"
    lines = outline(path)
    top = [key for indent, key, _ in lines if indent == 0]
    check(top == ["blueprint", "mode", "max", "max_exceeded", "variables", "trigger", "action"], top)
    end = next(i for i, (indent, key, _) in enumerate(lines) if (indent, key) == (0, "mode"))
    inputs = {key for indent, key, _ in lines[:end] if indent == 4}
    used = set(re.findall(r"!input (\w+)", path.read_text(encoding="utf-8")))
    check(inputs == used == {"toggle", "order", "value", "prefix"}, f"{inputs}, {used}")
    every = next(value for _, key, value in lines if key == "seconds").strip('"')
    check(every == "/20", every)  # three times within the 60 s of an order
    sent = [(t, p) for (_, k, t), (_, q, p) in zip(lines, lines[1:]) if (k, q) == ("topic", "payload")]
    check(len(sent) == 2 and all(value == "false" for _, key, value in lines if key == "retain"), sent)

    def render(text, **values):
        return re.sub(r"\{\{ (\w+) \}\}", lambda m: values[m.group(1)], text.strip('"'))
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            b.start()
            said = steady(b)
            for order, value, verdict in (("discharge_limit", "20.5", "released"),
                                          ("soc_min", "30.0", "released")):
                values = {"prefix": "jkpylon", "order": order, "value": value}
                mark = len(c.messages)
                for _ in range(3):
                    c.publish(*(render(text, **values) for text in sent[0]))
                    c.wait_json("jkpylon/reply", after=mark, order=order, verdict="accepted")
                    left = c.wait_json("jkpylon/orders", after=mark, **{order: float(value)})
                    check(left[f"{order}_left"] > 55, left)
                    mark = len(c.messages)
                c.publish(*(render(text, **values) for text in sent[1]))
                c.wait_json("jkpylon/reply", after=mark, order=order, verdict=verdict)
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == said, 5, "as before")


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
