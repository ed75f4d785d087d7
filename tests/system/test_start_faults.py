#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FLT-50: every system call of the start fails once, of the guard and of the main thread of the worker.

A first run under strace gives the list: from what the programs do themselves, after the dynamic
loader, to the closed relay; of what is repeated while time passes the first. Then there is one run
for each. It ends with a message, an exit code and the relay open, or goes on: then it must come
to a closed relay and a limit on the bus, and GOES_ON says why that is right.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from daemon_bench import SLOW, check, limits, main, now, takes, wait_for
from test_daemon_guard import Guarded

AT_ONCE = 6  # nearly all of a run is waiting
ENDS_S = 1.0
TRIES = 3  # for a bound on time while others want the processors
RUNS_S = 10
FIRST = '"/dev/null", O_RDWR|O_NOCTTY'  # shared_log_init(), the first that both do
LAST = {"guard": re.compile(r'pwrite64\(\d+, "1"'), "worker": re.compile(r"poll\(")}
CALL = re.compile(r"(\w+)\(")
# How often depends on time.
REPEATED = {"guard": ("clock_nanosleep", "read", "waitid", "wait4"), "worker": ("clock_nanosleep",)}
CODES = {"guard": {2, 4}, "worker": {1, 2, 4}}

# What fails as the kernel lets it fail: descriptors, memory, processes, space, permission, hardware.
ERRORS = {
    "EMFILE": "openat fcntl memfd_create pidfd_open signalfd4 pipe2 socket eventfd2",
    "EACCES": "newfstatat fstat readlink access faccessat bind mkdir unlink rename",
    "ENOMEM": "mmap mprotect munmap mremap madvise mlockall poll brk",
    "EAGAIN": "clone clone3 getrandom",
    "ENOSPC": "ftruncate fallocate",
    "ENOLCK": "flock",
    "EPERM": "sched_setscheduler chmod fchmod fchown prlimit64",
    "EADDRINUSE": "listen",
    "ECHILD": "waitid wait4",
    "EINTR": "clock_nanosleep",
    "EIO": "pwrite64 pread64 fdatasync fsync ioctl write read statfs fstatfs close",
}
ERROR_OF = {call: error for error, calls in ERRORS.items() for call in calls.split()}
# These take no resource and check nothing but their arguments, which do not depend on anything.
CANNOT_FAIL = {"rt_sigprocmask", "rt_sigaction", "getpid", "geteuid", "sched_get_priority_min",
               "sched_get_priority_max", "futex"}

# From which call on a message is about what: (text in the trace, text in the message).
ABOUT = {
    "guard": [("/proc/self/exe", "jkpylon-worker"), ("signalfd4(", "signals"),
              ('"jkpylon-guard"', "page"), ("pidfd_open(", "pidfd_open"),
              ("clone(", "jkpylon-worker"), ("pidfd_open(", "watch the worker"), ("/relay", "/relay"), ("/state", "/state"),
              ('"jkpylon-state"', "state"), ("clone(", "recorder"), ("mlockall(", "lock memory"),
              ("sched_setscheduler(", "priority")],
    "worker": [(".conf", ".conf: cannot read"), ("signalfd4(", "signals"),
               ("fcntl(3", "page of the guard"), ("eventfd2(", "watch the guard"),
               ("/stats.lock", "/stats"), ("mlockall(", "lock memory"), ("mmap(", "logger"), ("socket(", "/stats.ctl"), ("/dev/pts", "/dev/pts"),
               ("socket(", "bench bus"), ("eventfd2(", "bench bus"), ("clone3(", "bench bus"),
               ("mmap(", "realtime")],
}
REMEDY = re.compile(r"raise|check |free |give |stop it|see |put it|install|must be|must belong|"
                    r"use another|make |chown|set rt\.|end other|needed")

# After which failures it rightly goes on: (process, pattern of the line in the trace); with a line
# break, of that before it and the line. The comment is the reason.
GOES_ON = (
    # nothing is closed on 0, 1, 2
    (None, r'"/dev/null"'),
    # the kernel closes it all the same; here it stays open, and nothing runs out of them
    (None, r"^close\("),
    # how to write the log is found out before each line instead; one line is missing
    (None, r"^(newfstatat|fstat)\(2,|/proc/self/fd/2"),
    (None, r'^write\(\d+, "<'),
    # a sleep that ends early: what is waited for is looked at, and not there
    (None, r"^clock_nanosleep\("),
    # signals and children are looked at again in the next period
    ("guard", r"^read\(\d+, 0x|^waitid\("),
    # opening it, or what is in it, tells
    ("guard", r'^(newfstatat|stat)\(.*/relay"'),
    ("worker", r'^mkdir\(|^unlink\(.*/stats\.new"'),
    # nobody reads what stands behind the level
    ("guard", r"^ftruncate\(\d+, 1\)"),
    # of unknown length: a file that may be broken, which is what it then holds that decides
    ("guard", r"^pread64\(.*\n(newfstatat|fstat)\("),
    # warnings and remarks only
    (None, r"^f?statfs\("),
    # the recorder is woken with the next record, or started anew
    ("guard", r'^write\(\d+, "\\0", 1\)|^wait4\('),
    # the allocator has other ways; memory that is not given back
    ("worker", r"^getrandom\(|^brk\(|^munmap\(|^mmap\(NULL, 26\d{4},"),
    # the worker starts no program
    ("worker", r"F_SETFD"),
    # names of threads
    ("worker", r'/comm"|^write\(\d+, "(orphan|logger|jkp-\w+|cycle)"'),
    # for tools: which boot the page is of
    ("worker", r'boot_id"|^read\(\d+, "[0-9a-f]{8}-'),
    # refused is told where it matters: the cycle may wake later
    ("worker", r'cpu_dma_latency"|^write\(\d+, "\\0\\0\\0\\0", 4\)'),
    # the guard sees a thread that spins as well
    ("worker", r"^prlimit64\("),
    # helpers of the serial port and of the watch for the guard run without realtime priority
    ("worker", r"^sched_setscheduler\(\d+, SCHED_FIFO, \[(79|90)\]\)"),
    # as root only: whose the lock is decides who takes it next, and that one is told
    ("worker", r'^(newfstatat|stat)\((AT_FDCWD, )?"/dev/shm/jkpylon-[^/"]*", \{|^fchown\('),
    ("worker", r'"/dev/shm/jkpylon-[^/"]*", \{.*\n(newfstatat|fstat)\('),
    # adapters that hold bytes back; bytes from before the start are no reply
    ("worker", r'TIOCGSERIAL|latency_timer"|TCFLSH'),
)
# Some of these are the program's, some a check of the C library, which tells nobody: may do both.
EITHER = re.compile(r"TCGETS")
# The battery is served without the flight recorder, which is told.
WITHOUT = "running without"
# A state that cannot be read is a latched fault: the daemon runs, the relay stays open (SAF-12).
LATCHES = re.compile(r"^pread64\(")


class Call:
    """Number `n` of the system calls `name` of a process."""

    def __init__(self, who, name, n, line, previous, about):
        self.who, self.name, self.n, self.line, self.about = who, name, n, line, about
        self.pair = f"{previous}\n{line}"
        self.may_go_on = any(process in (None, who) and
                             re.search(pattern, self.pair if "\\n" in pattern else line, re.M)
                             for process, pattern in GOES_ON)

    def __str__(self):
        return f"{self.who}: {self.line[:90]}"

    def inject(self):
        # The kernel says no to brk() by the old address; any that is too low will do.
        what = "retval=0" if self.name == "brk" else f"error={ERROR_OF[self.name]}"
        if "F_ADD_SEALS" in self.line:
            what = "error=EPERM"
        return ["-e", f"inject={self.name}:{what}:when={self.n}"]

    def is_hit(self, trace):
        """The call that failed is the one that was meant."""
        hit = [line for line in trace.splitlines() if "(INJECTED)" in line]
        name = re.match(r'\w+\((AT_FDCWD, )?"[^"]*/([a-z_.]+)"', self.line)
        wanted = name.group(2) if name else ""
        return len(hit) == 1 and hit[0].startswith(self.name + "(") and wanted in hit[0]


def traced(b, who, inject=()):
    """A daemon of which one process is traced, and where the trace is."""
    trace = b.dir / "trace"
    # -D: the tracer is a child, so that the process is whose child it should be.
    strace = ["strace", "-D", "-q", "-o", str(trace), *inject]
    if who == "guard":
        # It has to find the worker by itself.
        return b.start(prefix=["env", "-u", "JKPYLON_WORKER", *strace]), trace
    wrapper = b.dir / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(strace)} {os.environ["JKPYLON_WORKER"]} "$@"\n',
                       encoding="ascii")
    wrapper.chmod(0o755)
    return b.start(env={"JKPYLON_WORKER": str(wrapper)}), trace


def list_calls(who):
    with Guarded() as b:
        d, trace = traced(b, who)
        b.relay.wait(True, 60, d.log())
        wait_for(lambda: any(LAST[who].match(line) for line in text_of(trace).splitlines()), 10,
                 "the end of the start in the trace")
        lines = text_of(trace).splitlines()
    counts, found, left, previous = {}, [], list(ABOUT[who]), ""
    begun, about = False, None
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        name = match.group(1)
        counts[name] = counts.get(name, 0) + 1
        begun = begun or FIRST in line
        if begun and LAST[who].match(line):
            return found
        if begun and left and left[0][0] in line:
            about = left.pop(0)[1]
        again = name in REPEATED[who] and any(c.name == name for c in found)
        if begun and not again and name not in CANNOT_FAIL and line.split(")")[0] != "brk(NULL":
            check(name in ERROR_OF, f"no error is chosen for {name}: {line}")
            found.append(Call(who, name, counts[name], line, previous, about))
        previous = line
    raise AssertionError(f"no end in the trace of {who}")


def text_of(path):
    return path.read_text(encoding="ascii", errors="replace")


def ended(call, b, d, code, seconds):
    """It has refused to start. Return: nothing, or what is wrong."""
    said = [line for line in d.lines if line.startswith("<3>")]
    if b.relay.closed():
        return "the relay is closed"
    if call.may_go_on and not EITHER.search(call.line):
        return f"ends with {code}, and need not: {said}"
    if code not in CODES[call.who]:
        return f"exit code {code}: {d.log()}"
    if not any(REMEDY.search(line) for line in said):
        return f"no remedy in {said}"
    if not any(call.about in line for line in said):
        return f"no word of {call.about} in {said}"
    if b.node.frames:
        return "frames were sent"
    return "late" if seconds > ENDS_S else None


def runs(call, b, d):
    """It has not refused. Return: nothing, or what is wrong."""
    if LATCHES.match(call.line):
        wait_for(lambda: "latched fault: state-lost" in d.log(), RUNS_S, f"a latched fault\n{d.log()}")
        wait_for(lambda: b.node.of(0x351), RUNS_S, "frames")
        closed, code = b.relay.closed(), 3
        if closed:
            return "the relay is closed"
    elif not call.may_go_on and not EITHER.search(call.line) and WITHOUT not in d.log():
        return f"goes on without a word why it may:\n{d.log()}"
    else:
        wait_for(lambda: any(limits(f)[1] > 0 for f in b.node.of(0x351)), RUNS_S,
                 f"a limit above 0 A\n{d.log()}")
        said = [line for line in d.lines if WITHOUT in line]
        if said and not REMEDY.search(said[0]):
            return f"no remedy in {said}"
        code = 0
    d.process.terminate()
    got = d.wait(RUNS_S)
    return None if got == code else f"ends with {got} instead of {code}:\n{d.log()}"


def fail_once(call):
    """Return: (how it went, nothing or what is wrong)"""
    with Guarded() as b:
        d, trace = traced(b, call.who, call.inject())
        closed = LATCHES.match(call.line)
        end = now() + RUNS_S
        while d.process.poll() is None and not closed and now() < end:
            closed = b.relay.closed() or (LATCHES.match(call.line) and "state-lost" in d.log())
            time.sleep(0.002)
        seconds = now() - d.started
        if d.process.poll() is None:
            if not closed:
                return "hangs", f"neither runs nor ends:\n{d.log()}"
            how, wrong = "runs", runs(call, b, d)
        else:
            code = d.wait(1)
            how, wrong = "ends", ended(call, b, d, code, seconds)
        if wrong is None and not call.is_hit(text_of(trace)):
            wrong = f"another call has failed:\n{text_of(trace)[-1500:]}"
        return how, wrong


def judged(call):
    for _ in range(TRIES):
        try:
            how, wrong = fail_once(call)
        except Exception as error:  # the others must be judged too
            how, wrong = "hangs", str(error)
        if wrong != "late":
            break
    return call, how, wrong


def all_of(who):
    calls = list_calls(who)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(judged, calls))
    wrong = [f"{call}: {text}" for call, _, text in results if text]
    ends = sum(how == "ends" for _, how, _ in results)
    print(f"        {who}: {len(calls)} system calls, after {ends} of them it ends, after "
          f"{len(calls) - ends} it goes on", flush=True)
    check(not wrong, f"{len(wrong)} of {len(calls)}:\n" + "\n".join(wrong))
    check(ends > len(calls) // 3, "the errors reach the program")


def why_not():
    if SLOW:
        return "a sanitizer makes system calls of its own"
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True,
                           check=False)
    return f"may not trace: {tried.stderr.strip()}" if tried.returncode else None


def in_one_folder(test):
    """Guard and worker side by side, as in one of the places where they are looked for."""
    with tempfile.TemporaryDirectory(prefix="jkpylon-", dir="/dev/shm") as folder:
        old = {name: os.environ[name] for name in ("JKPYLON", "JKPYLON_WORKER")}
        try:
            for name, path in old.items():
                os.environ[name] = str(shutil.copy(path, folder))
            test()
        finally:
            os.environ.update(old)


@takes(20)
def test_FLT_50_SAF_11_every_system_call_of_the_guards_start_fails_once():
    return why_not() or in_one_folder(lambda: all_of("guard"))


@takes(30)
def test_FLT_50_SAF_11_every_system_call_of_the_workers_start_fails_once():
    return why_not() or in_one_folder(lambda: all_of("worker"))


if __name__ == "__main__":
    sys.exit(main([test_FLT_50_SAF_11_every_system_call_of_the_guards_start_fails_once,
                   test_FLT_50_SAF_11_every_system_call_of_the_workers_start_fails_once]))
