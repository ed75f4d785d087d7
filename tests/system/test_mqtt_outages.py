#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outages of the broker, of every kind, again and again: nothing is left behind, nothing old comes.

Environment: see daemon_bench.py, and JKP_HEAPCOUNT_LIBRARY, see heapcount.c. JKP_LONG=1: two thousand
outages at least, in about ten minutes, with the pauses that users have.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import statistics
import struct
import subprocess
import sys
import threading
import time

from daemon_bench import SLOW, Bench, Failure, check, main, now, takes
from mqtt_bench import (MOSQUITTO, OPENSSL, PASSWD, UNSHARE, Broker, Client, Stub,
                        make_certificates, reset)

LONG = os.environ.get("JKP_LONG") == "1"
OUTAGES = 2000 if LONG else 18
DAEMONS = 3 if LONG else 1  # of each broker
WAIT_S = 60
LOOK_S = 0.02
SETTLE_S = 0.3  # what is not acknowledged makes the next pause longer
SECRET = "correct-horse-battery"
KINDS = ("plain", "password", "tls")
# Which outage comes when: refusals cost three pauses, a broker that stands still twice the keepalive.
ORDER = (["kill", "restart", "kill", "refuse", "kill", "disk", "restart", "kill", "slow", "kill"] * 2
         + ["stand"]) if LONG else ["kill", "refuse", "restart", "slow", "disk", "kill"]
WARM = len(ORDER) if LONG else 0  # outages until everything was used once
# What may be left behind by an outage, by the slope of all samples: less than one block in fifty.
BLOCKS_PER_OUTAGE = 0.02
BYTES_PER_OUTAGE = 4
# The kernel's view. Each thread keeps at most seven free blocks of each of 64 sizes up to 1 KiB for
# itself (glibc), and what it keeps takes hundreds of connections to become all that it may be. So one
# daemon of each broker is without: it must not grow at all once it is warm.
THREAD_CACHE_KB = 7 * sum(range(24, 1033, 16)) // 1024
NO_THREAD_CACHE = "glibc.malloc.tcache_count=0"


def until(condition, seconds, text):
    """As wait_for(), looked at less often: ten daemons and all of this share a machine."""
    deadline = now() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(now() < deadline, f"not within {seconds} s: {text}")
        time.sleep(LOOK_S)


def disk_can_be_full():
    command = [*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Drip:
    """Answers a byte at a time, reads a little of what is said, then hangs up."""

    def __call__(self, connection):
        threading.Thread(target=self.run, args=(connection,), daemon=True).start()
        return True

    @staticmethod
    def run(connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(1)
            for byte in b"\x20\x02\x00\x00":
                time.sleep(0.1)
                connection.sendall(bytes([byte]))
            connection.recv(64)
            time.sleep(0.3)
            connection.recv(64)


def size_of(pid, heap):
    """What a worker holds: of the kernel in kB, descriptors, threads, and of its heap."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    size = {name: int(re.search(rf"{name}:\s+(\d+)", status).group(1))
            for name in ("VmRSS", "VmLck", "VmData", "Threads")}
    size["fds"] = len(os.listdir(f"/proc/{pid}/fd"))
    if heap:
        with open(f"{heap}.{pid}", "rb") as f:
            size["blocks"], size["bytes"] = struct.unpack("=QQ", f.read(16))
    return size


def slope(values):
    """Least squares, in units a sample."""
    return statistics.linear_regression(range(len(values)), values).slope


class House:
    """One broker and the daemons that know it."""

    def __init__(self, stack, kind, number):
        self.kind, self.number = kind, number
        self.sizes, self.done = [], {way: 0 for way in ORDER}
        self.error = None
        outer = stack.enter_context(Bench(node=False))
        options = {"disk": True}
        if kind == "password":
            options["users"] = {"me": SECRET}
        elif kind == "tls":
            options["tls"] = make_certificates(outer.dir)
        (outer.dir / "broker").mkdir(mode=0o700)
        self.broker = Broker(outer.dir / "broker", **options)
        stack.callback(self.broker.kill)
        self.port = self.broker.tls_port if kind == "tls" else self.broker.port
        self.broker.start()
        login = ("me", SECRET) if kind == "password" else (None, None)
        self.client = stack.enter_context(Client(self.broker.watch_port, *login, topics=("d/#",)))
        self.benches = [stack.enter_context(Bench()) for _ in range(DAEMONS)]
        self.daemons = [self.start(b, f"{i}", outer.dir) for i, b in enumerate(self.benches)]
        self.names = [f"d/{i}" for i in range(DAEMONS)]

    def start(self, bench, name, folder):
        settings = {"mqtt_port": str(self.port), "mqtt_host": "127.0.0.1", "mqtt_client_id": name,
                    "mqtt_prefix": f"d/{name}", "mqtt_interval": "1s", "mqtt_keepalive": "5s",
                    "mqtt_commands": "yes"}
        if self.kind == "tls":
            settings.update(mqtt_host="localhost", mqtt_tls="yes", mqtt_ca_file=f"{folder}/ca.crt")
        elif self.kind == "password":
            secret = bench.dir / "secret"
            secret.write_text(SECRET + "\n", encoding="ascii")
            secret.chmod(0o600)
            settings.update(mqtt_user="me", mqtt_password_file=str(secret))
        env = {}
        if not SLOW:
            env = {"LD_PRELOAD": os.environ["JKP_HEAPCOUNT_LIBRARY"],
                   "JKP_HEAPCOUNT": str(bench.dir / "heap")}
            if name == "0":
                env["GLIBC_TUNABLES"] = NO_THREAD_CACHE
        return bench.start_running(text=bench.text(**settings), env=env)

    def online(self, name, mark):
        log = self.daemons[int(name[2:])].log
        until(lambda: [m for m in self.client.messages[mark:] if m.topic == f"{name}/status"
                       and m.payload == b"online" and not m.retained],
              WAIT_S, f"{self.kind}: {name} is there\n{log()[-2000:]}")

    def hears(self, name, mark, since):
        """The newest state comes first, then that there is one; nothing is older than the return."""
        status = f"{name}/status"
        self.online(name, mark)
        heard = [m for m in self.client.messages[mark:]
                 if m.topic.startswith(name + "/") and not m.retained]
        end = next(i for i, m in enumerate(heard) if m.topic == status and m.payload == b"online")
        # A broker that stood still may say first what it had not read, and the last will with it.
        wills = [i for i, m in enumerate(heard[:end]) if m.topic == status]
        heard = heard[wills[-1] + 1 if wills else 0:]
        check(heard[0].topic == f"{name}/battery", f"{self.kind}: first came {heard[0]}")
        for m in heard:
            if m.payload.startswith(b"{") and b'"time"' in m.payload:
                check(json.loads(m.payload)["time"] >= int(since), f"{self.kind}: old: {m}, {since}")
        return bool(wills)

    def refuse(self, behaviour, seconds):
        """In the broker's place, until each daemon has met it."""
        self.broker.kill()
        with Stub(behaviour, port=self.port) as stub:
            until(lambda: len(stub.accepted) >= DAEMONS, WAIT_S, f"{self.kind}: tried")
            time.sleep(seconds)

    def links(self, daemon):
        """Its sockets that are connected to the broker. (What is told of that comes once a minute.)"""
        mine = set()
        for fd in pathlib.Path(f"/proc/{daemon.worker()}/fd").iterdir():
            with contextlib.suppress(OSError):
                mine |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(fd)))
        rows = [line.split() for line in
                pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        return mine & {row[9] for row in rows if row[2].endswith(f":{self.port:04X}")}

    def stand(self):
        """It goes on to be there, and says nothing: they leave it."""
        before = {d: self.links(d) for d in self.daemons}
        check(all(len(links) == 1 for links in before.values()), f"{self.kind}: {before}")
        self.broker.stop()
        try:
            for d in self.daemons:
                until(lambda d=d: not before[d] & self.links(d), 40,
                      f"{self.kind}: a broker that stands still is left")
        finally:
            since = time.time()
            del self.client.messages[:-50]
            mark = len(self.client.messages)
            self.broker.go_on()
        return mark, since

    def outage(self, way):
        if way == "stand":
            mark, since = self.stand()
        else:
            if way == "refuse":
                self.refuse(reset, 0)
            elif way == "slow":
                self.refuse(Drip(), 0.8)
            else:
                self.broker.kill(signal.SIGTERM if way == "restart" else signal.SIGKILL)
            # What the old broker had still to say has been read then.
            until(lambda: self.client.socket is None, 10, "the observer has lost it too")
            del self.client.messages[:-50]
            mark, since = len(self.client.messages), time.time()
            self.broker.start(full=way == "disk")
        for name in self.names:
            left = self.hears(name, mark, since)
            check(way == "stand" or not left, f"{self.kind}, {way}: a last will of nobody")
        if way == "disk":
            disk = os.statvfs(f"/proc/{self.broker.process.pid}/root{self.broker.dir}/db")
            check(disk.f_bavail == 0, f"{self.kind}: its disk is not full")
        self.done[way] += 1
        time.sleep(SETTLE_S)
        self.sizes.append([size_of(d.worker(), not SLOW and b.dir / "heap")
                           for d, b in zip(self.daemons, self.benches)])

    def run(self, outages):
        try:
            for name in self.names:
                self.online(name, 0)
            time.sleep(SETTLE_S)
            for i in range(outages):
                # Each house begins elsewhere in the row: brokers fail at different times.
                self.outage(ORDER[(i + self.number * 2) % len(ORDER)])
                if LONG and i % 20 == 0:
                    print(f"# {self.kind}: {i + 1} of {outages}", flush=True)
        except Exception as error:  # told by the one who waits
            self.error = error

    def judge(self):
        """Return: a row a daemon, for people; whatever grows is a failure."""
        rows = []
        for i, d in enumerate(self.daemons):
            sizes = [s[i] for s in self.sizes[WARM:]]
            first, last = sizes[0], sizes[-1]
            growth = {k: slope([s[k] for s in sizes]) for k in first}
            rows.append(f"# {self.kind} {i}: " + ", ".join(
                f"{k} {first[k]} .. {last[k]} ({min(s[k] for s in sizes)} to "
                f"{max(s[k] for s in sizes)}, {growth[k]:+.4f} an outage)" for k in first))
            check(len({s["fds"] for s in sizes}) == 1, f"descriptors {[s['fds'] for s in sizes]}")
            check(len({s["Threads"] for s in sizes}) == 1, f"threads {[s['Threads'] for s in sizes]}")
            if SLOW:
                continue
            for k in ("VmRSS", "VmLck", "VmData"):
                more = max(s[k] for s in sizes) - first[k]
                check(more <= (0 if i == 0 and LONG else THREAD_CACHE_KB),
                      f"{k} grows by {more} kB\n" + "\n".join(rows))
            if LONG:
                check(growth["blocks"] <= BLOCKS_PER_OUTAGE, "blocks\n" + "\n".join(rows))
                check(growth["bytes"] <= BYTES_PER_OUTAGE, "bytes\n" + "\n".join(rows))
            check("ladder: caution" not in d.log(), d.log())
        return rows


@takes(30)
def test_FLT_34_outages_leave_nothing_behind():
    if not MOSQUITTO or not PASSWD or not OPENSSL:
        return "mosquitto or openssl is not installed"
    if not disk_can_be_full():
        print("# without a full disk: unshare --mount and mount need root or user namespaces")
        ORDER[:] = [way for way in ORDER if way != "disk"]
    with contextlib.ExitStack() as stack:
        houses = [House(stack, kind, i) for i, kind in enumerate(KINDS)]
        outages = -(-OUTAGES // (len(KINDS) * DAEMONS))
        begin = now()
        threads = [threading.Thread(target=h.run, args=(outages,)) for h in houses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for h in houses:
            if h.error:
                raise Failure(f"{h.kind}, {h.done}: {h.error}") from h.error
        print(f"# {outages * len(KINDS) * DAEMONS} outages in {now() - begin:.0f} s: "
              f"{[h.done for h in houses]} for each of {DAEMONS} daemons", flush=True)
        for h in houses:
            print("\n".join(h.judge()), flush=True)
    return None


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
