#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT against a real broker: what is published, what orders do, and that nothing the broker does
changes anything else.

Environment: see daemon_bench.py.
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

from daemon_bench import (IDS, SLOW, Bench, Failure, check, limits, main, now, takes, wait_for,
                          with_cell)
from mqtt_bench import (MOSQUITTO, OPENSSL, PASSWD, Broker, Client, Stub, make_certificates, reset,
                        stall, text_of)

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


def guide_tables():
    """{topic_key: (unit, name)} of the values, {name of an order}; as the guide lists them."""
    text = (pathlib.Path(os.environ["JKP_SOURCE_DIR"]) / "systemd/guide/home-assistant.md").read_text(encoding="utf-8")
    values = text.split("The table (checked")[1].split("</details>")[0]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) ?\| (.*) \|$", values, re.MULTILINE)
    return ({f"{topic}_{key}": (unit, name) for topic, key, unit, name in rows},
            set(re.findall(r"^\| `set/(\w+)` \|", text, re.MULTILINE)))


@needs_broker
def test_guide_lists_what_is_published():
    values, orders = guide_tables()
    check(len(values) > 60 and len(orders) == 8, f"{len(values)} values, {orders}")
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            d = b.start_running(text=b.text(mqtt_allow_full_charge="yes", goodwe_host="127.0.0.1"))
            config = c.wait("homeassistant/device/jkpylon/config",
                            condition=lambda m: b"cells_cell_16" in m.payload)
            message = json.loads(config.payload)
            check(set(message) == {"dev", "o", "cmps", "avty_t"}, message.keys())
            found = message["cmps"]
            entities = (set(values) | {f"set_{name}" for name in orders}
                        | {f"cells_cell_{i}" for i in range(1, 17)}
                        | {f"service_{name}_{what}" for name in ("mqtt", "goodwe")
                           for what in ("state", "hangs")})
            check(set(found) == entities, f"published and not listed: {set(found) - entities}; "
                                          f"listed and not published: {entities - set(found)}")
            for key, (unit, name) in values.items():
                entity = found[key]
                check(entity["name"] == name, f"{key}: {entity}")
                unit = "" if unit in ("word", "yes/no") else unit
                check(entity.get("unit_of_meas", "") == unit, f"{key}: {unit}, {entity}")
                check((entity["p"] == "binary_sensor") == (values[key][0] == "yes/no"), entity)
            # Each is in the message that it names, and nothing is there that no entity shows.
            shown = {}
            for entity in found.values():
                if "stat_t" in entity:
                    member = re.search(r"value_json\.(\w+)", entity["val_tpl"]).group(1)
                    shown.setdefault(entity["stat_t"], set()).add(member)
            check(set(shown) == {f"jkpylon/{g}" for g in GROUPS}, shown.keys())
            for topic, members in shown.items():
                sent = set(json.loads(c.of(topic)[-1].payload))
                check(members <= sent, f"{topic}: {members - sent} is not sent")
                check(sent - members <= {"time", "version"}, f"{topic}: no entity of {sent - members}")
            d.signal(signal.SIGTERM)
            check(d.wait(STOP_S) == 0, "exit code 0")
        with Client(b.broker.port, name="later") as c:
            check(c.wait("homeassistant/device/jkpylon/config").retained, "retained")


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
@takes(10)
def test_FLT_36_SAF_13_flood_and_large_payloads():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port, topics=("jkpylon/reply", "jkpylon/orders")) as c:
            d = b.start()
            said = steady(b)
            pid = worker_of(d)
            begin = now()
            c.publish("jkpylon/set/charge_limit", b"1" * 10000)
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
            # What is larger is not even read.
            c.publish("jkpylon/set/charge_limit", b"1" * 1000000)
            b.wait_log(d, "MQTT: the broker announces 1000030 bytes in one packet, 16384 are taken")
            wait_for(lambda: d.log().count("MQTT: connected") == 2, WAIT_S, "connected again")
            check(SLOW or size_of(pid)[0] - rss < 4096, f"{size_of(pid)[0] - rss} kB more")


@needs_broker
@takes(9)
def test_FLT_36_SAF_13_large_retained_message_keeps_no_values_back():
    with MqttBench() as b:
        b.broker.start()
        with Client(b.broker.port) as c:
            # It comes with each subscription.
            c.publish("jkpylon/set/x", b"1" * 20480, retain=True)
            c.wait("jkpylon/set/x")
            d = b.start()
            said = steady(b)
            line = b.wait_log(d, "MQTT: the broker announces 20499 bytes in one packet, 16384 are taken")
            check(line.startswith("<4>") and "orders are not heard for 300 s" in line, line)
            wait_for(lambda: [m.payload for m in c.of("jkpylon/status")] ==
                     [b"online", b"offline", b"online"], WAIT_S, "left once, online again")
            begin, mark = now(), len(c.messages)
            c.publish("jkpylon/set/charge_limit", '{"value":5,"id":"unheard"}')
            time.sleep(6)
            check("connection to the broker lost" not in d.log(), d.log())
            states = c.of("jkpylon/battery", mark)
            check(len(states) >= (2 if SLOW else 5), f"{len(states)} states within 6 s")
            check(len(c.of("jkpylon/status")) == 3, c.of("jkpylon/status"))
            check(not c.of("jkpylon/reply") and "command accepted" not in d.log(), d.log())
            bus_is_calm(b, begin, said)


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
@takes(23)
def test_SAF_13_FLT_33_FLT_38_name_service_that_hangs_delays_no_end():
    if SLOW:
        return "a sanitizer does not go with a preloaded library"
    with MqttBench() as b:
        path = b.dir / "stall"
        path.write_text("name", encoding="ascii")
        env = {"LD_PRELOAD": os.environ["JKP_STALLER"], "JKP_STALL": str(path)}
        # The resolver hangs in a thread that is asked and not waited for.
        d = b.start(b.text(mqtt_host="localhost"), env=env)
        steady(b)
        b.wait_log(d, "MQTT: the name service has not answered within 10 s")
        worker = worker_of(d)
        threads = len(os.listdir(f"/proc/{worker}/task"))
        time.sleep(3)  # tried again: the same request
        check(len(os.listdir(f"/proc/{worker}/task")) == threads, "one thread asks")
        begin = now()
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        print(f"        stop while a name is looked up: after {now() - begin:.2f} s")
        check("hangs" not in d.log() and "stopped" in d.log(), d.log())
        # The library asks once more by itself. What hangs there is left behind.
        path.write_text("library", encoding="ascii")
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
        path.write_text("library", encoding="ascii")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check("libraries are taken down" in d.log(), d.log())


def let_in(connection):
    """Lets in, then takes nothing any more."""
    connection.recv(1000)
    connection.sendall(b"\x20\x02\0\0")
    return True


@needs_broker
@takes(5)
def test_FLT_33_host_with_two_addresses_is_tried_at_both():
    if SLOW:
        return "a sanitizer does not go with a preloaded library"
    with MqttBench() as b:
        b.broker.start()  # on 127.0.0.1 alone
        path = b.dir / "stall"
        path.write_text("two", encoding="ascii")
        d = b.start(b.text(mqtt_host="two.invalid"),
                    env={"LD_PRELOAD": os.environ["JKP_STALLER"], "JKP_STALL": str(path)})
        b.wait_log(d, "MQTT: the broker cannot be reached")
        b.wait_log(d, "MQTT: connected")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
    return None


class Hostile:
    """A broker that lets in and acknowledges, so that it is always asked again after a second, and
    then does one thing after the other, one on each connection: (name, what, least and most seconds
    until it is left). A thing is a function that sends."""

    def __init__(self, things, certificates=None):
        self.things, self.left, self.next = things, [], 0
        self.context = None
        if certificates:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(f"{certificates}/server.crt", f"{certificates}/server.key")

    def __call__(self, connection):
        if self.next < len(self.things):
            self.next += 1
            threading.Thread(target=self.run, args=(connection, self.next - 1), daemon=True).start()
            return True
        return False

    @staticmethod
    def let_in(s):
        """Until the first message that wants to be acknowledged: that it is online."""
        s.recv(1000)
        s.sendall(b"\x20\x02\0\0")
        data = b""
        while b"jkpylon/status" not in data:
            data += s.recv(65536)
        at = data.index(b"jkpylon/status") + 14
        while len(data) < at + 2:
            data += s.recv(65536)
        s.sendall(b"\x40\x02" + data[at:at + 2])
        time.sleep(0.3)

    def run(self, connection, number):
        begin = sent = None
        try:
            s = self.context.wrap_socket(connection, server_side=True) if self.context else connection
            with s:
                self.let_in(s)
                begin = sent = now()
                s.settimeout(20)
                self.things[number][1](s)
                sent = now()
                while s.recv(65536):
                    pass
        except TimeoutError:
            begin = None
        except OSError:
            pass
        self.left.append((number, begin and now() - begin, sent and now() - sent))


def at_once(data):
    return lambda s: s.sendall(data)


def without_end(data):
    def send(s):
        while True:
            s.sendall(data * 20000)
    return send


def by_bytes(data, rest=b"", gap=0.15):
    """A byte at a time, then a little for ever."""
    def send(s):
        for byte in data:
            s.sendall(bytes([byte]))
            time.sleep(gap)
        while True:
            s.sendall(rest or data[-1:])
            time.sleep(gap)
    return send


def in_parts(*parts, gap=0.005):
    """What is fit to be read, then, a second later, what is not."""
    def send(s):
        for part in parts:
            s.sendall(part)
            time.sleep(gap)
        time.sleep(1)
        s.sendall(b"\xc0\x00")
    return send


ORDER = Client.packet(0x30, text_of(b"jkpylon/set/charge_limit") + b"1")
ORDER_1 = Client.packet(0x32, text_of(b"jkpylon/set/charge_limit") + b"\0\1" + b"1")
HOSTILE = [
    ("announces 256 MB", at_once(b"\x30\xff\xff\xff\x7f" + bytes(100000)), 0, 1),
    ("announces 40 MB behind an order", at_once(ORDER + b"\x30\x80\xb4\x89\x13" + bytes(1000)), 0, 1),
    ("announces 16 kB and a byte", at_once(b"\x30\xfe\x7f"), 0, 1),
    ("acknowledges without end", without_end(b"\x40\x02\x12\x34"), 0, 2),
    ("answers pings without end", without_end(b"\xd0\x00"), 0, 2),
    ("confirms a subscription without end", without_end(b"\x90\x03\0\1\1"), 0, 2),
    ("orders without end", without_end(ORDER), 0, 2),
    ("orders with quality 1 without end",
     without_end(ORDER_1), 0, 2),
    ("orders with quality 2", at_once(Client.packet(0x34, text_of(b"jkpylon/set/x") + b"\0\1" + b"1")),
     0, 1),
    ("sends what only clients send", at_once(b"\xc0\x00"), 0, 1),
    ("orders with half a header behind", in_parts(ORDER + ORDER[:1], ORDER[1:]), 0.9, 3),
    ("orders a hundred times with quality 1", in_parts(ORDER_1 * 100), 0.9, 3),
    ("sends a length of five bytes", at_once(b"\x30\xff\xff\xff\xff\x01"), 0, 1),
]
# What a header announces is seen when it is whole; over TLS a record at a time is seen.
TRICKLE = [("announces 200 MB a byte at a time", by_bytes(b"\x30\x80\x84\xaf\x5f"), 0.5, 2),
           ("begins a packet and goes on for ever", by_bytes(b"\x30\x80\x7f", gap=0.5), 9, 13)]
TRICKLE_TLS = [("begins a header, no more", at_once(b"\x30"), 9, 13),
               ("orders in two records", in_parts(ORDER[:1], ORDER[1:], gap=0.3), 1.5, 4)]


def thread_s(pid, name):
    """Processor time of a thread."""
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        fields = (path / "stat").read_text(encoding="ascii").rsplit(")", 1)
        if fields[0].endswith("(" + name):
            return sum(int(f) for f in fields[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    raise Failure(f"no thread {name}")


def judge_hostile(b, things, certificates=None, **settings):
    hostile = Hostile(things, certificates)
    with Stub(hostile) as stub:
        # Its keepalive is too long to be what ends it.
        d = b.start(b.text(mqtt_port=str(stub.port), mqtt_keepalive="60s", **settings))
        said = steady(b)
        pid = worker_of(d)
        rss, fds = size_of(pid)
        begin, used = now(), thread_s(pid, "mqtt")
        wait_for(lambda: len(hostile.left) == len(things), 60 + 5 * len(things),
                 f"all left: {hostile.left}")
        for number, since, silent in hostile.left:
            name, _, least, most = things[number]
            check(since is not None and silent is not None, f"{name}: not left")
            check(least <= since and (SLOW or since <= most), f"{name}: left after {since:.2f} s")
        share = (thread_s(pid, "mqtt") - used) / (now() - begin)
        more = size_of(pid)[0] - rss
        print(f"        {len(things)} ways: {100 * share:.1f} % of a processor, {more} kB more")
        check(SLOW or share < 0.15, f"{100 * share:.0f} % of a processor")
        check(SLOW or more <= 512, f"{more} kB more")
        check(size_of(pid)[1] <= fds + 1, "descriptors")
        bus_is_calm(b, begin, said)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check("hangs" not in d.log(), d.log())
    return d


@needs_broker
@takes(36)
def test_SAF_13_FLT_34_FLT_36_whatever_a_broker_sends_is_bounded():
    with MqttBench() as b:
        d = judge_hostile(b, HOSTILE + TRICKLE)
        check("MQTT: the broker announces 268435460 bytes in one packet, 16384" in d.log(), d.log())
        check("MQTT: the broker sends more than can be of use" in d.log(), d.log())
        check("MQTT: connection to the broker lost (errno 110)" in d.log() or
              "MQTT: connection to the broker lost (errno 74)" in d.log(), d.log())


@needs_broker
@takes(36)
def test_SAF_13_FLT_34_FLT_36_whatever_a_broker_sends_over_tls_is_bounded():
    with Bench() as outer, MqttBench() as b:
        certificates = make_certificates(outer.dir)
        judge_hostile(b, HOSTILE + TRICKLE_TLS, certificates, mqtt_host="localhost", mqtt_tls="yes",
                      mqtt_ca_file=f"{certificates}/ca.crt")


@needs_broker
@takes(10)
def test_SAF_13_FLT_49_service_that_takes_all_memory_starves_nobody():
    """At the start too: nothing is asked for before the cycle has what it needs."""
    if SLOW:
        return "a sanitizer does not go with a preloaded library"
    with MqttBench() as b:
        b.broker.start()
        path = b.dir / "stall"
        path.write_text("memory", encoding="ascii")
        env = {"LD_PRELOAD": os.environ["JKP_STALLER"], "JKP_STALL": str(path)}
        d = b.start(b.text(mqtt_host="localhost"), env=env)
        b.wait_log(d, "all memory is taken")
        said = steady(b)
        begin, pid = now(), worker_of(d)
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        data = int(re.search(r"VmData:\s+(\d+)", text).group(1))
        limit = int(re.search(r"Max data size\s+(\d+)", pathlib.Path(f"/proc/{pid}/limits").read_text(
            encoding="ascii")).group(1)) // 1024
        check(limit - 256 <= data <= limit and 49152 < limit < 65536, f"{data} of {limit} kB")
        first = b.stats.wait(5, "counters", lambda v: True)
        time.sleep(3)
        last = b.stats.wait(5, "counters", lambda v: True)
        check(last["major_faults"] == first["major_faults"], f"{first} then {last}")
        bus_is_calm(b, begin, said)
        check("MQTT: connected" not in d.log(), d.log())
        path.write_text("", encoding="ascii")
        b.wait_log(d, "MQTT: connected", 30)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
    return None


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
