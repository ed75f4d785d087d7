# SPDX-License-Identifier: Apache-2.0
"""A daemon under test with everything it talks to: a BMS on a pty, a node on the bench bus, the
statistics page, its log. Waiting means polling with a deadline; nothing is judged by sleeping.

Environment of the tests:
    JKPYLON    jkpylond
    JKPYLON_WORKER  jkpylon-worker (read by jkpylond)
    JKP_SOURCE_DIR  root of the sources, for tests/vectors
    JKP_DONE   names of tests that a program leaves out, unless it has no others
"""

import collections
import contextlib
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
import tty

SKIP = 77
USUAL_S = 5
REQUEST_SIZE = 21
CAN_FRAME = struct.Struct("=IB3x8s")
IDS = (0x351, 0x355, 0x356, 0x359, 0x35C, 0x35E)
# A sanitizer is ten times slower: bounds on time are only judged without one.
SLOW = os.environ.get("JKP_SLOW", "") == "1"


def root_dir():
    here = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("JKP_SOURCE_DIR", here))


def program():
    return os.environ["JKPYLON"]


def now():
    return time.monotonic()


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(condition, seconds, text):
    """Poll until condition() is true and return its value; fail after the deadline."""
    deadline = now() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(now() < deadline, f"not within {seconds} s: {text}")
        time.sleep(0.002)


def jk_vector(name):
    path = root_dir() / "tests/vectors/A-jk-4e57.json"
    for entry in json.loads(path.read_text(encoding="utf-8")):
        if entry["name"] == name:
            return bytes.fromhex(entry["hex"])
    raise Failure(f"no vector {name}")


def with_sum(frame):
    """The frame with its sum made right again after an edit."""
    return frame[:-2] + (sum(frame[:-4]) & 0xFFFF).to_bytes(2, "big")


def with_cell(frame, number, millivolt):
    """Cell 1.. set to another voltage."""
    at = frame.index(0x79, 11) + 2 + 3 * (number - 1)
    check(frame[at] == number, "cells are numbered from 1")
    return with_sum(frame[:at + 1] + millivolt.to_bytes(2, "big") + frame[at + 3:])


class Bms:
    """A JK BMS on a pty. Answers each request with self.frame while self.answers is true."""

    def __init__(self, frame):
        self.frame = frame
        self.answers = True
        self.requests = []  # times
        self.replies = []  # times of the last byte written
        self.master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        self.device = os.ttyname(slave)
        # The slave stays open here: else the master reads EIO before the daemon opens it.
        self.slave = slave
        os.chmod(self.device, 0o666)
        os.set_blocking(self.master, False)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        pending = b""
        while not self.stopping:
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if not ready:
                continue
            try:
                pending += os.read(self.master, 4096)
            except (BlockingIOError, OSError):
                continue
            while len(pending) >= REQUEST_SIZE:
                pending = pending[REQUEST_SIZE:]
                self.requests.append(now())
                if self.answers:
                    with contextlib.suppress(OSError):
                        os.write(self.master, self.frame)
                        self.replies.append(now())

    def close(self):
        self.stopping = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)


Frame = collections.namedtuple("Frame", "t id data")


class Node:
    """An inverter on the bench bus: records what it hears, says 0x305 once a second."""

    def __init__(self, path, alive=True, again=False):
        self.path = path
        self.alive = alive
        self.again = again  # connects anew: lives through restarts of the worker
        self.frames = []
        self.connected = False
        self.paused = False
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connect(self):
        self.connected = False
        while not self.stopping:
            if self.paused:
                time.sleep(0.005)
                continue
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                s.connect(self.path)
                self.connected = True
                return s
            except OSError:
                s.close()
                time.sleep(0.005)
        return None

    def run(self):
        s = self.connect()
        spoken = 0.0
        while s is not None and not self.stopping:
            try:
                if self.paused:
                    s.close()
                    s = self.connect()
                    continue
                if self.alive and now() - spoken >= 1.0:
                    spoken = now()
                    s.send(CAN_FRAME.pack(0x305, 8, bytes(8)))
                if select.select([s], [], [], 0.05)[0]:
                    record = s.recv(64)
                    if not record and self.again:
                        s.close()
                        s = self.connect()
                        continue
                    if not record:
                        break
                    ident, length, data = CAN_FRAME.unpack(record)
                    self.frames.append(Frame(now(), ident, data[:length]))
            except OSError:
                if not self.again:
                    break
                s.close()
                s = self.connect()
        if s is not None:
            s.close()

    def pause(self):
        """Off the bus, until resume()."""
        self.paused = True
        wait_for(lambda: not self.connected, 2, "the node leaves the bus")

    def resume(self):
        self.paused = False

    def of(self, ident):
        return [f for f in self.frames if f.id == ident]

    def close(self):
        self.stopping = True
        self.thread.join()


def connected(path):
    """A connection to a stream socket, None while nobody listens: its name is there before that."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        return s
    except OSError:
        s.close()
        return None


def limits(frame):
    """0x351 -> (charge, discharge) in A."""
    return (int.from_bytes(frame.data[2:4], "little", signed=True) / 10,
            int.from_bytes(frame.data[4:6], "little", signed=True) / 10)


class Stats:
    """The statistics page, read as any other program would."""

    HEADER = struct.Struct("=8sIIiIqq40s24s12I")
    RANGE = struct.Struct("=qqqQ")
    TIMES = ("wakeup", "run", "response", "bms_first", "bms_rest", "data_age", "end_to_end",
             "can_confirm", "alive", "command", "guard")
    LINKS = ("absent", "down", "up", "warning", "passive", "bus_off")
    LOOP = struct.Struct("=qqqQQQ" + "qqqQ" * len(TIMES) + "qqqqQQ" + "4I" + "15I" + "6I" + "5I")
    NAMES = (["t_ns", "period_ns", "since_ns", "cycles", "overruns", "missed"]
             + [f"{k}_{v}" for k in TIMES
                for v in ("min_ns", "max_ns", "sum_ns", "count")]
             + ["minor_faults", "major_faults", "voluntary", "involuntary", "serial_rx_bytes",
                "serial_tx_bytes", "opens", "losses", "read_errors", "write_errors",
                "tx", "tx_full", "tx_dropped", "rx", "error_frames", "restarts", "reopens",
                "flushes", "flush_refused", "clients_dropped", "clients", "last_error_class",
                "last_error_ctrl", "tx_err", "rx_err"]
             + [f"can_{link}" for link in LINKS]
             + ["commands", "events_lost", "trace_lost", "flags", "resets"])
    VERSION = 4  # STATS_VERSION of rt/stats.h
    LOCKED, FIFO, PINNED, DMA, REFUSED, ARMED, DRY, STOPPED, TRACING = (1 << i for i in range(9))

    def __init__(self, path):
        self.path = path

    def header(self):
        data = pathlib.Path(self.path).read_bytes()
        names = ("magic version size pid pad start_ns start_wall_s boot_id program telemetry_offset "
                 "telemetry_size loop_offset loop_size hist_offset hist_cells hist_times "
                 "hist_sub_bits hist_unit_bits rules_offset rules directions").split()
        header = dict(zip(names, self.HEADER.unpack_from(data)))
        check(header["version"] == self.VERSION, f"layout {header['version']}, not {self.VERSION}")
        header["data"] = data
        return header

    def loop(self):
        """Counters of the loop as a dictionary, or None while there is no consistent copy."""
        try:
            h = self.header()
        except (OSError, struct.error):
            return None
        data, at = h["data"], h["loop_offset"]
        seq, size = struct.unpack_from("=II", data, at)
        if seq == 0 or seq % 2 or size != self.LOOP.size:
            return None
        again = pathlib.Path(self.path).read_bytes()
        if again[at:at + 8 + size] != data[at:at + 8 + size]:
            return None
        return dict(zip(self.NAMES, self.LOOP.unpack_from(data, at + 8)))

    def wait(self, seconds, text, condition):
        def look():
            values = self.loop()
            return values if values and condition(values) else None
        return wait_for(look, seconds, text)


class Daemon:
    """jkpylond with its own folder, BMS and bus node."""

    def __init__(self, bench, text, args=(), user=None, stderr=None, env=None, prefix=()):
        self.bench = bench
        self.config = bench.dir / f"jkpylon{len(bench.daemons)}.conf"
        self.config.write_text(text, encoding="utf-8")
        self.lines = []
        self.killed = False
        command = [*prefix, program(), "--config", str(self.config), *args]
        if user:
            command = ["setpriv", "--reuid", user, "--clear-groups", "--"] + command
        self.started = now()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr if stderr is not None else subprocess.PIPE,
            env={**os.environ, **(env or {})}, start_new_session=True)
        self.out = b""
        self.threads = [threading.Thread(target=self.read_out, daemon=True)]
        if stderr is None:
            self.threads.append(threading.Thread(target=self.read_log, daemon=True))
        for thread in self.threads:
            thread.start()
        bench.daemons.append(self)

    def read_out(self):
        self.out = self.process.stdout.read()

    def read_log(self):
        for raw in self.process.stderr:
            self.lines.append(raw.decode(errors="replace").rstrip("\n"))

    def log(self):
        return "\n".join(self.lines)

    def worker(self):
        """Process id of the worker, None if there is none."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        try:
            children = pathlib.Path(path).read_text(encoding="ascii").split()
        except OSError:
            return None
        for child in children:
            with contextlib.suppress(OSError):
                if b"--guarded" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        return None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds, text="the daemon ends"):
        """Exit code; fails after the deadline."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"not within {seconds} s: {text}\n{self.log()}") from None
        for thread in self.threads:
            thread.join(2)
        return code

    def close(self):
        """End everything this daemon started, a worker that lost its guard included."""
        group = self.process.pid

        def gone():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            self.process.poll()
            return not living_of(group)

        wait_for(gone, 10, f"all processes of {self.config.name} are gone")
        self.process.wait()


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return state.rsplit(")", 1)[1].split()[0] not in "ZX"


def living_of(group):
    """Processes of a group that are not dead; a zombie may wait for its parent for a while."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(path.parent.name))
    return found


class Bench:
    """Context: a folder in memory, a BMS, a bus node, daemons; all gone at the end."""

    def __init__(self, frame=None, node=True, again=False):
        self.frame = frame
        self.with_node = node
        self.again = again
        self.daemons = []
        self.node = None
        self.bms = None

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="jkpylon-", dir="/dev/shm"))
        os.chmod(self.dir, 0o777)
        self.bus = str(self.dir / "bus")
        self.stats = Stats(str(self.dir / "stats"))
        self.bms = Bms(self.frame or jk_vector("armin_16S_idle"))
        if self.with_node:
            self.node = Node(self.bus, again=self.again)
        return self

    def __exit__(self, kind, value, trace):
        for daemon in self.daemons:
            daemon.close()
        if kind is not None:
            for daemon in self.daemons:
                print(f"--- log of {daemon.config.name}\n{daemon.log()}", file=sys.stderr)
        if self.node:
            self.node.close()
        self.bms.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def text(self, **changes):
        """A configuration; changes: section_key=value, None removes the line."""
        keys = {"bms.device": self.bms.device, "can.interface": f"unix:{self.bus}",
                "can.manage": "no", "rt.stats": self.stats.path,
                "failsafe.state": str(self.dir / "state"),
                "recorder.size": "2M",
                "rt.required": "no" if SLOW else "yes",
                "limits.charge_max": "60A", "limits.discharge_max": "60A"}
        for name, value in changes.items():
            section, key = name.split("_", 1)
            keys[f"{section}.{key}"] = value
        sections = {}
        for name, value in keys.items():
            section, key = name.split(".", 1)
            if value is not None:
                sections.setdefault(section, []).append(f"{key} = {value}")
        return "".join(f"[{s}]\n" + "\n".join(lines) + "\n" for s, lines in sections.items())

    def start(self, text=None, **options):
        return Daemon(self, text if text is not None else self.text(), **options)

    def start_running(self, **options):
        """A daemon that has sent a set with a non-zero discharge limit."""
        daemon = self.start(**options)
        wait_for(lambda: [f for f in self.node.of(0x351) if limits(f)[1] > 0], 40 if SLOW else 15,
                 "a non-zero discharge limit on the bus\n" + daemon.log())
        return daemon


# PROCESSOR STEP LEAST: looks each STEP seconds, at a higher priority than all others on its processor,
# for times of at least LEAST seconds when that stands still; one line each, the first says it is there.
WATCH = """
import os, sys, time
os.sched_setaffinity(0, [int(sys.argv[1])])
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
except PermissionError:
    pass
step, least = map(float, sys.argv[2:])
print(0.0, 0.0, flush=True)
last = time.monotonic()
while True:
    time.sleep(step)
    now = time.monotonic()
    if now - last > least:
        print(last, now, flush=True)
    last = now
"""


class Standstill:
    """How long the machine itself stands still, by a watch on each processor; the daemon is not judged
    by that."""

    def __enter__(self):
        self.watches = [
            subprocess.Popen([sys.executable, "-c", WATCH, str(cpu), "0.005", "0.015"], text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            for cpu in sorted(os.sched_getaffinity(0))]
        for watch in self.watches:
            watch.stdout.readline()
        return self

    def __exit__(self, kind, value, trace):
        self.seconds()

    def seconds(self):
        """Of times when any of the processors stood still, until now; ends the watches."""
        times = []
        for watch in self.watches:
            watch.kill()
            times += [tuple(map(float, line.split())) for line in watch.communicate()[0].splitlines()]
        self.watches = []
        total = until = 0.0
        for begin, end in sorted(times):
            total += max(end - max(begin, until), 0.0)
            until = max(until, end)
        return total


def takes(seconds):
    """Says how long a test takes, if that is much more than USUAL_S."""
    def mark(test):
        test.seconds = seconds
        return test
    return mark


def alone(test):
    """Says that a test disturbs those of other programs."""
    test.alone = True
    return test


def part_of(tests):
    """JKP_PART=1/3: a third of the tests, so that long programs run beside themselves, without
    those that may not; JKP_PART=alone: these."""
    wanted = os.environ.get("JKP_PART")
    if wanted is None:
        return tests
    single = [test for test in tests if getattr(test, "alone", False)]
    if wanted == "alone":
        return single
    tests = [test for test in tests if test not in single]
    part, parts = (int(n) for n in wanted.split("/"))
    sums = [0] * parts
    mine = []
    for test in sorted(tests, key=lambda t: -getattr(t, "seconds", USUAL_S)):
        least = sums.index(min(sums))
        sums[least] += getattr(test, "seconds", USUAL_S)
        if least == part - 1:
            mine.append(test)
    return [test for test in tests if test in mine]


def main(tests):
    """Run all tests, or those whose names are arguments. 77 if all that ran were skipped."""
    done = os.environ.get("JKP_DONE", "").split()
    wanted = sys.argv[1:] or [t.__name__ for t in part_of(tests) if t.__name__ not in done]
    for name in ("JKPYLON", "JKPYLON_WORKER"):
        if not os.access(os.environ.get(name, ""), os.X_OK):
            print(f"environment: {name} must be the path of the program", file=sys.stderr)
            return 1
    failed, ran, skipped = 0, 0, 0
    for test in part_of(tests):
        if wanted and test.__name__ not in wanted:
            continue
        begin = now()
        try:
            reason = test()
            if isinstance(reason, str):
                skipped += 1
                print(f"skip    {test.__name__}: {reason}", flush=True)
                continue
            ran += 1
            print(f"ok      {test.__name__} ({now() - begin:.1f} s)", flush=True)
        except Exception as error:  # one broken test must not hide the others
            failed += 1
            print(f"NOT OK  {test.__name__}: {error}", flush=True)
            if not isinstance(error, Failure):
                traceback.print_exc()
    if failed:
        return 1
    return SKIP if skipped and not ran else 0
