#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cycle thread faults no page, allocates nothing, and makes the system calls it may make.

Runs 10 s; 60 s with JKP_LONG=1, which is the bound that is claimed.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from daemon_bench import SLOW, Bench, check, main, now, wait_for, with_cell

RUN_S = 60 if os.environ.get("JKP_LONG") == "1" else 10

# Serial: write, and no read: a tty without data waits for a kernel worker of normal priority. CAN
# and bench bus: the socket calls; once a second getrusage. Clocks are read without a system call.
ALLOWED = {"clock_nanosleep", "write", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg",
           "getrusage", "restart_syscall"}


def exercise(b, seconds):
    """A battery that moves, replies that break, an inverter that talks."""
    good = b.bms.frame
    end = now() + seconds
    step = 0
    while now() < end:
        step += 1
        frame = with_cell(good, 1 + step % 16, 3300 + step % 90)
        if step % 7 == 0:
            frame = frame[:-1] + bytes([frame[-1] ^ 0x10])
        if step % 11 == 0:
            frame = b"\x4e\x57\x4e" + frame[:100]
        b.bms.frame = frame
        time.sleep(0.1)
    b.bms.frame = good


def spied(b, thread):
    """A daemon that runs, and what counts allocator calls and sleeps of a thread of its worker."""
    out = str(b.dir / "spy")
    d = b.start_running(env={"LD_PRELOAD": os.environ["JKP_MALLOCSPY"],
                             "JKP_MALLOCSPY_THREAD": thread, "JKP_MALLOCSPY_OUT": out})
    worker = d.worker()

    def end():
        d.signal(signal.SIGTERM)
        check(d.wait(5) == 0, "exit code 0")
        text = pathlib.Path(f"{out}.{worker}").read_text(encoding="ascii")
        match = re.fullmatch(r"\S+ calls (\d+) sleeps (\d+)\n", text)
        check(match, text)
        return int(match.group(1)), int(match.group(2))
    return end


def faults(b):
    """Counted by the kernel, said by the cycle thread itself."""
    v = b.stats.wait(5, "counters", lambda v: True)
    check(v["flags"] & b.stats.ARMED and v["cycles"] > RUN_S * 150, f"{v['cycles']} cycles")
    check(v["voluntary"] > 0, "the counters do count")
    if not v["flags"] & b.stats.LOCKED:
        return None
    check(v["minor_faults"] == 0 and v["major_faults"] == 0,
          f"{v['minor_faults']} minor and {v['major_faults']} major faults")
    return f"{v['cycles']} cycles, 0 page faults, {v['overruns']} overruns"


def test_FLT_48_no_page_fault_and_no_allocation_after_arming():
    if SLOW:
        return "the sanitizers bring an allocator and page faults of their own"
    with Bench() as b:
        end = spied(b, "cycle")
        exercise(b, RUN_S)
        said = faults(b)
        calls, sleeps = end()
        check(sleeps > RUN_S * 150, f"{sleeps} sleeps")
        check(calls == 0, f"{calls} calls of the allocator in {sleeps} periods")
        print(f"        {sleeps} periods, 0 calls of the allocator")
    with Bench() as b:
        # The counter counts: the main thread sleeps at the end and then frees the ports.
        calls, _ = spied(b, "jkpylon-worker")()
        check(calls > 0, "the counter works")
    if said is None:
        return "memory cannot be locked here"
    print(f"        {said}")
    return None


def test_cycle_thread_makes_allowed_system_calls_only():
    if SLOW or shutil.which("strace") is None:
        return "needs strace and no sanitizer"
    with Bench() as b:
        d = b.start_running()
        worker = d.worker()
        tid = next(t for t in os.listdir(f"/proc/{worker}/task")
                   if pathlib.Path(f"/proc/{worker}/task/{t}/comm").read_text() == "cycle\n")
        path = b.dir / "strace"
        tracer = subprocess.Popen(["strace", "-q", "-p", tid, "-o", str(path)],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            exercise(b, 4)
        finally:
            tracer.send_signal(signal.SIGINT)
            error = tracer.communicate(timeout=10)[1].decode()
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        if not lines:
            return f"strace cannot attach: {error.strip()}"
        calls = {}
        for line in lines:
            match = re.match(r"(?:<\.\.\. )?(\w+)[ (]", line)
            if match:
                calls[match.group(1)] = calls.get(match.group(1), 0) + 1
        check(calls.get("clock_nanosleep", 0) > 300, f"{calls}")
        check(set(calls) <= ALLOWED, f"not allowed: {sorted(set(calls) - ALLOWED)} of {calls}")
        check(calls.get("getrusage", 0) >= 2, f"{calls}")
        print(f"        {calls}")
    return None


def test_FLT_67_readers_of_the_page_disturb_nothing():
    with Bench() as b:
        b.start_running()
        before = b.stats.wait(5, "counters", lambda v: True)
        readers = [subprocess.Popen([sys.executable, "-c",
                                     "import sys\nwhile True: open(sys.argv[1], 'rb').read()",
                                     b.stats.path]) for _ in range(3)]
        try:
            b.stats.wait(20, "cycles go on",
                         lambda v: v["cycles"] > before["cycles"] + 400)
        finally:
            for reader in readers:
                reader.kill()
                reader.wait()
        after = b.stats.wait(5, "counters", lambda v: True)
        check(after["events_lost"] == 0, "no event is lost")
        wait_for(lambda: len(b.node.frames) > 12, 5, "frames go on")


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
