#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FLT-49: memory runs out in the thread of a service, now and then or for good: what it was about to do
is left out, nothing crashes, the battery is served, and once there is memory again so is the peer.

Environment: see daemon_bench.py; JKP_SIM; JKP_NOMEMORY_LIBRARY is nomemory.c.
"""

import concurrent.futures
import mmap
import os
import struct
import sys

from daemon_bench import SLOW, Bench, check, limits, main, takes, wait_for
from mqtt_bench import MOSQUITTO, Broker
from sems_bench import Portal
from test_house import House

ORDER = struct.Struct("=III16s")
EACH_CYCLES = 400  # 2 s
AT_ONCE = 6
LATE_S = 30
UDP = ("sma", "goodwe")
LONG = os.environ.get("JKP_LONG") == "1"
# A connection to a broker takes some sixty pieces, a reading of the portal thousands.
MQTT_ROWS = [*range(1, 12), 13, 17, 21, 26, 34, 45, 60]
SEMS_ROWS = [1, 2, 3, 5, 8, 13, 21, 55, 144, 377, 987, 2584]
if LONG:
    MQTT_ROWS = list(range(1, 61))
    SEMS_ROWS = [*range(1, 60), *range(60, 4000, 47)]


class Shortage:
    """What nomemory.c looks at."""

    def __init__(self, folder):
        self.path = folder / "nomemory"
        self.path.write_bytes(bytes(ORDER.size))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), ORDER.size)
        self.env = {"LD_PRELOAD": os.environ["JKP_NOMEMORY_LIBRARY"], "JKP_NOMEMORY": str(self.path)}

    def begin(self, thread, every):
        self.map[:ORDER.size] = ORDER.pack(0, 0, 0, thread.encode())
        self.map[:4] = struct.pack("=I", every)

    def end(self):
        self.map[:4] = bytes(4)
        return ORDER.unpack(self.map[:])[1:3]


def keys_of(peer):
    return {f"sems_{key}": value for key, value in peer.keys().items()}


def finish(bench, d):
    """Nothing has happened to the main job."""
    check(limits(bench.node.of(0x351)[-1])[0] > 0, "limits stay")
    d.process.terminate()
    check(d.wait(LATE_S) == 0, f"a clean end\n{d.log()}")
    for text in ("worker ended", "ladder: stop (before: run)", "hangs"):
        check(text not in d.log(), d.log())


def from_the_start(bench, text, shortage, thread, every, said):
    """A daemon whose service never gets every n-th piece of memory, until the main job has run for a
    while; then it gets all, and does its work. Return: how often it got none."""
    shortage.begin(thread, every)
    d = bench.start(text, env=shortage.env)
    wait_for(lambda: any(limits(f)[0] > 0 for f in bench.node.of(0x351)), LATE_S, f"limits\n{d.log()}")
    worker = d.worker()
    at = bench.stats.wait(LATE_S, "counters", lambda v: True)
    bench.stats.wait(LATE_S, f"cycles go on\n{d.log()}",
                     lambda v: v["cycles"] > at["cycles"] + EACH_CYCLES)
    failed, calls = shortage.end()
    check(d.worker() == worker and worker, f"the worker is another one\n{d.log()}")
    wait_for(lambda: said in d.log(), LATE_S, f"{said}\n{d.log()}")
    finish(bench, d)
    return failed, calls


def mqtt_at(every):
    with Bench() as b:
        folder = b.dir / "broker"
        folder.mkdir(mode=0o700)
        broker = Broker(folder).start()
        try:
            text = b.text(mqtt_host="127.0.0.1", mqtt_port=str(broker.port), mqtt_interval="1s",
                          limits_calm="0s", limits_rise="100A/s")
            return from_the_start(b, text, Shortage(b.dir), "mqtt", every, "MQTT: connected")
        finally:
            broker.kill()


def sems_at(every):
    """While libcurl and OpenSSL set themselves up, some versions end the process where there is no
    memory, which is FLT-28: so that is over here."""
    with Bench() as b, Portal() as portal:
        shortage = Shortage(b.dir)
        text = b.text(**keys_of(portal), limits_calm="0s", limits_rise="100A/s")
        d = b.start(text, env=shortage.env)
        wait_for(lambda: "SEMS: the portal gives new values" in d.log(), LATE_S, d.log())
        worker = d.worker()
        shortage.begin("sems", every)
        at = b.stats.wait(LATE_S, "counters", lambda v: True)
        b.stats.wait(LATE_S, f"cycles go on\n{d.log()}",
                     lambda v: v["cycles"] > at["cycles"] + 2 * EACH_CYCLES)
        found = shortage.end()
        check(d.worker() == worker and worker, f"the worker is another one\n{d.log()}")
        good = portal.status()["reads"]
        wait_for(lambda: portal.status()["reads"] > good + 1, LATE_S, f"asked again\n{d.log()}")
        finish(b, d)
        return found


def udp_at(thread, every):
    """Those two need none of their own, but what they call might."""
    said = {"sma": "grid meter is heard", "goodwe": "GoodWe: the inverter answers"}
    with House() as b:
        return from_the_start(b, b.text(arbiter_interlock="no"), Shortage(b.dir), thread, every,
                              said[thread])


def sweep(name, at, rows):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(at, rows))
    print(f"        {name}: every n-th allocation fails, n of {rows}: {[n for n, _ in found]} have failed",
          flush=True)
    return found


def why_not():
    if SLOW:
        return "the sanitizers bring an allocator of their own"
    return None if MOSQUITTO else "mosquitto is not installed"


@takes(20)
def test_FLT_49_SAF_13_mqtt_without_memory():
    if why_not():
        return why_not()
    found = sweep("mqtt", mqtt_at, MQTT_ROWS)
    check(all(failed > 0 for failed, _ in found), f"the errors reach the thread: {found}")
    return None


@takes(20)
def test_FLT_49_SAF_13_portal_without_memory():
    if why_not():
        return why_not()
    found = sweep("sems", sems_at, SEMS_ROWS)
    check(all(failed > 0 for failed, _ in found), f"the errors reach the thread: {found}")
    return None


@takes(10)
def test_FLT_49_SAF_13_meter_and_other_inverter_without_memory():
    if why_not():
        return why_not()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for thread, (failed, _) in zip(UDP, pool.map(lambda thread: udp_at(thread, 1), UDP)):
            print(f"        {thread}: every allocation fails: {failed} have", flush=True)
    return None


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
