#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rtstat on a running daemon: every form of its output, pages it must refuse, daemons that are gone.

Environment: as daemon_bench.py, and JKP_RTSTAT, the program.
"""

import fcntl
import itertools
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree

from daemon_bench import SLOW, Bench, Stats, check, main, now, root_dir, takes, wait_for, with_cell

OK, USAGE, UNMET, NO_PAGE, FOREIGN, DEAD, REFUSED, OUTPUT = range(8)
# Offsets in the header, see rt/stats.h.
MAGIC, VERSION, SIZE, BOOT_ID, PROGRAM, LOOP_OFFSET = 0, 8, 12, 40, 80, 112
WAIT_S = 20


def rtstat(page, *args, user=None):
    """Exit status, output, messages."""
    command = [os.environ["JKP_RTSTAT"], *([] if page is None else ["--page", str(page)]), *args]
    if user:
        command = ["setpriv", "--reuid", user, "--clear-groups", "--"] + command
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def good(page, *args):
    code, out, err = rtstat(page, *args)
    check(code == OK and not err, f"{args}: {code} {err}")
    return out


def names():
    return [line.split()[0] for line in good(None, "--list").splitlines()]


def busy(b):
    """A daemon that has done everything that is measured, but for an order."""
    daemon = b.start_running()
    good_frame = b.bms.frame

    def look():
        # A falling limit leaves with the sample that demands it.
        b.bms.frame = with_cell(good_frame, 3, 3300 + int(now() * 7) % 2 * 180)
        times = json.loads(good(b.stats.path, "--json"))["times"]
        return all(times[name]["count"] > 1 for name in times if name != "command")

    wait_for(look, WAIT_S, "every time has values")
    b.bms.frame = good_frame
    return daemon


# ---- what there is ------------------------------------------------------------------------------

def test_every_value_of_the_page_is_in_the_manual_page():
    manual = (root_dir() / "tools/rtstat.1").read_text(encoding="utf-8")
    items = re.findall(r"^\.It Cm (\S+)\n(?=[^.])", manual, re.MULTILINE)
    known = names()
    check(len(known) == len(set(known)) and len(known) > 50, f"{len(known)} names")
    missing = [name for name in known + ["limited"] if name not in items]
    check(not missing, f"not in the manual page: {missing}")
    more = [name for name in items if name not in known + ["limited"]]
    check(not more, f"only in the manual page: {more}")
    check([name for name in known if name in Stats.TIMES] == list(Stats.TIMES), "the times")
    # Nothing of the page's counters is left out: each field of struct stats_loop has a name of a value.
    header = (root_dir() / "include/rt/stats.h").read_text(encoding="utf-8")
    body = header[header.index("struct stats_loop {"):]
    fields = re.findall(r"(\w+)(?:\[\w+\])?;", body[:body.index("};")])
    table = (root_dir() / "tools/rtstat_value.c").read_text(encoding="utf-8")
    shown_otherwise = {"t_ns", "period_ns", "since_ns", "time", "flags"}
    lost = [f for f in fields if f not in shown_otherwise
            and not re.search(rf"LOOP\({f}[.,\[]|define LINK\(.*{f}\[", table)]
    check(len(fields) > 15 and not lost, f"not shown: {lost}")
    options = re.findall(r"^\s+(?:-\w, )?(--\w+)", good(None, "--help"), re.MULTILINE)
    check(len(options) > 12, f"{options}")
    for option in options:
        check(f"Fl \\-{option[2:]}" in manual, f"{option} is not in the manual page")


@takes(9)
def test_every_form_of_output_on_a_running_daemon():
    with Bench() as b:
        busy(b)
        table = good(b.stats.path)
        for name in names():
            check(re.search(rf"\b{name}\b", table), f"{name} is not in the table")
        check("SCHED_FIFO" in table or "NO REALTIME" in table, "heading")
        check(re.search(r"^discharge +\S+ +1 x", table, re.MULTILINE), "rules")

        data = json.loads(good(b.stats.path, "--json"))
        counted = b.stats.wait(5, "later counters",
                               lambda v: v["cycles"] > data["counters"]["cycles"] + 50)
        check(sorted({**data["times"], **data["counters"], **data["gauges"]}) == sorted(names()),
              "the same names")
        check(data["running"] and data["pid"] == b.daemons[0].worker(), "who it is")
        for name, t in data["times"].items():
            check(t["count"] == sum(n for _, _, n in t["buckets"]) + t["overflow"], f"{name}: sum")
            check(t["count"] <= counted[f"{name}_count"] or not t["count"], f"{name}: count")
            if t["count"]:
                order = [t[k] for k in ("min_ns", "p50_ns", "p90_ns", "p95_ns", "p99_ns", "p99_9_ns",
                                        "p99_99_ns", "max_ns")]
                check(order == sorted(order) and order[0] >= 0, f"{name}: {order}")
        check(data["counters"]["cycles"] <= counted["cycles"], "cycles")
        check(data["counters"]["serial_tx_bytes"] % 21 == 0, "requests")
        judge_times(data)

        bars = good(b.stats.path, "--histogram", "run")
        check(re.search(r"^ *\d.*\.\. .*\|#+ *\| +\d+ +[\d.]+ %$", bars, re.MULTILINE), "bars")
        check("no values" in good(b.stats.path, "-H", "command"), "no values")


def judge_times(data):
    """What the times must be, of a battery that answers at once and a node that confirms at once."""
    times = data["times"]
    check(times["data_age"]["max_ns"] < 3e9, "no frame is older than bms.stale")
    check(times["data_age"]["min_ns"] >= times["bms_first"]["min_ns"], "an age has a beginning")
    check(15e6 < times["guard"]["mean_ns"] < (300e6 if SLOW else 30e6), f"guard {times['guard']['mean_ns']}")
    check(0.9e9 < times["alive"]["p50_ns"] < 1.3e9, f"0x305 {times['alive']['p50_ns']}")
    # The bench bus confirms at once, and the next period reads it.
    check(times["can_confirm"]["p50_ns"] < 30e6, f"confirmed {times['can_confirm']['p50_ns']}")
    check(times["end_to_end"]["count"] <= times["response"]["count"], "of the same replies")
    check(times["end_to_end"]["min_ns"] >= times["response"]["min_ns"], "the confirmation is later")
    check(times["bms_first"]["count"] == times["bms_rest"]["count"]
          <= data["counters"]["bms_samples"], "one of each for a sample")
    check(times["wakeup"]["count"] >= data["counters"]["cycles"] > 100, "every period")


SAMPLE = re.compile(r'^jkpylon_(\w+?)(?:\{((?:\w+="[^"]*",?)+)\})? (-?[\d.e+-]+)$')


def prometheus(text):
    """(name, labels) -> value; everything that is no comment must be a sample."""
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            kind, name, rest = line[2:].split(" ", 2)
            if kind == "TYPE":
                check(name not in types, f"type of {name} twice")
                types[name] = rest
            continue
        match = SAMPLE.match(line)
        check(match, f"no sample: {line}")
        key = (match[1], match[2] or "")
        check(key not in values, f"twice: {line}")
        values[key] = float(match[3])
        base = re.sub(r"_(bucket|sum|count)$", "", match[1])
        check(f"jkpylon_{match[1]}" in types or types.get(f"jkpylon_{base}") == "histogram",
              f"no type: {line}")
    return values


@takes(7)
def test_prometheus_file_is_complete_whenever_it_is_read():
    with Bench() as b:
        b.start_running()
        values = prometheus(good(b.stats.path, "--prometheus"))
        check(values["up", ""] == 1, "up")
        for name in Stats.TIMES:
            buckets = [v for (n, _), v in values.items() if n == f"{name}_seconds_bucket"]
            check(len(buckets) == 25 and buckets == sorted(buckets), f"{name}: {buckets}")
            check(buckets[-1] == values[f"{name}_seconds_count", ""], f"{name}: count")
        check(values["cycles_total", ""] > 0 and ("can_link", "") in values, "counters and gauges")
        check(values["limited_total", 'direction="charge",rule="no-sample"'] == 1, "rules")

        out = b.dir / "jkpylon.prom"
        writer = subprocess.Popen([os.environ["JKP_RTSTAT"], "-p", b.stats.path, "-m", "-o", str(out),
                                   "--every", "50ms"], stderr=subprocess.DEVNULL)
        try:
            wait_for(out.exists, 5, "the file is written")
            last = out.read_text(encoding="utf-8").splitlines()[-1].split(" ")[0]
            end = now() + (10 if SLOW else 1)
            seen = set()
            while now() < end:
                text = out.read_text(encoding="utf-8")
                seen.add(prometheus(text)["cycles_total", ""])
                check(text.endswith("\n") and text.splitlines()[-1].startswith(last), "half a file")
            check(len(seen) > 3, f"{len(seen)} different ones")
            b.daemons[0].signal(signal.SIGTERM)
            b.daemons[0].wait(20)
            wait_for(lambda: list(prometheus(out.read_text(encoding="utf-8")).items())
                     == [(("up", ""), 0)], 5, "up 0 and nothing else")
        finally:
            writer.kill()
            writer.wait()
        code, _, err = rtstat(b.stats.path)
        check(code == DEAD and "was stopped" in err, f"{code} {err}")
        check(not [p for p in b.dir.glob("*.tmp") if str(writer.pid) not in p.name], "leftovers")
        code, _, err = rtstat(b.stats.path, "-m", "-d", "-o", "/nonexistent/x.prom")
        check(code == OUTPUT and "/nonexistent/x.prom" in err, f"{code} {err}")


@takes(4)
def test_svg_has_axes_units_and_percentiles():
    with Bench() as b:
        b.start_running()
        out = b.dir / "picture.svg"
        for args in (("--svg", str(out)), ("-H", "run", "-s", str(out)), ("-s", str(out), "-H", "command")):
            good(b.stats.path, *args)
            tree = xml.etree.ElementTree.parse(out)
            texts = [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]
            bars = len(list(tree.iter("{http://www.w3.org/2000/svg}rect"))) - 1
            if "command" in args:
                check("no values yet" in texts and bars == 0, f"{texts}")
                continue
            for what in (r"\d+ (us|ms)", r"p50 \S+ (us|ms)", r"p99.9 \S+ (us|ms)", r"max \S+ (us|ms)",
                         r"time \(logarithmic\)", r"values in a bucket.*", "1", "10"):
                check([t for t in texts if re.fullmatch(what, t)], f"{what} is not in {texts}")
            check(bars > 3, f"{bars} bars")
            for rect in tree.iter("{http://www.w3.org/2000/svg}rect"):
                if "x" in rect.attrib:
                    check(0 <= float(rect.get("x")) <= 860 and float(rect.get("height")) >= 0, "inside")
        code, _, err = rtstat(b.stats.path, "-s", str(b.dir / "no" / "x.svg"))
        check(code == OUTPUT and "x.svg" in err, f"{code} {err}")
        replaces_plain_files_alone(b, out)


def replaces_plain_files_alone(b, plain):
    before = plain.read_bytes()
    link, pipe, folder, lost = (b.dir / name for name in ("link", "pipe", "folder", "lost"))
    link.symlink_to(plain)
    lost.symlink_to(b.dir / "nothing")
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (link, lost, pipe, folder):
        kind = os.lstat(path)
        for args in (("-s", str(path)), ("--json", "-o", str(path))):
            code, _, err = rtstat(b.stats.path, *args)
            check(code == OUTPUT and err.startswith(f"jkpylon-rtstat: {path}: is no plain file;"),
                  f"{code} {err}")
        check(os.lstat(path).st_ino == kind.st_ino, f"{path.name} is still there")
    check(plain.read_bytes() == before and not (b.dir / "nothing").exists(), "nothing behind a link")
    check(not list(b.dir.glob("*.tmp")), "nothing unfinished")


# ---- conditions ---------------------------------------------------------------------------------

WRONG = {
    "wakeup<1ms": "what of wakeup", "wakeup.p<1ms": "what of wakeup", "wakeup.p101<1ms": "what of",
    "wakeup.p99.99999<1ms": "what of", "wakeup.p9.9.9<1ms": "what of", "wakeup.p4294967396<1ms": "what of",
    "wakeup.p99<5": "is no time", "wakeup.p99<5 parsec": "is no time", "wakeup.p99<-5ms": "is no time",
    "wakeup.p99<0x5ms": "is no time", "wakeup.p99<1e30s": "is no time", "wakeup.count<5ms": "no whole",
    "overruns==0.5": "no whole", "overruns=0": "no condition", "overruns": "no condition", "<5": "no cond",
    "sleep.p99<5ms": 'there is no "sleep.p99"', "overruns.p99<5ms": "there is no", "": "no condition",
}


@takes(6)
def test_watch_judges_and_tells_by_its_exit_status():
    with Bench() as b:
        b.start_running()
        page = b.stats.path
        out = good(page, "-w", "wakeup.p50<10s", "-w", "wakeup.min>=0ns", "-w", " cycles > 10 ",
                   "-w", "run.mean!=0.5h", "-w", "wakeup.overflow<1", "-w", "run.p100<=10s")
        check(len(out.splitlines()) == 6 and all(line.startswith("ok ") for line in out.splitlines()), out)
        code, out, _ = rtstat(page, "-w", "wakeup.p50<1ns", "-w", "overruns>=0", "-w", "cycles==0")
        check(code == UNMET, f"{code}")
        check([line[:4].strip() for line in out.splitlines()] == ["FAIL", "ok", "FAIL"], out)
        # What never happens is not good.
        code, out, _ = rtstat(page, "-w", "command.p99<1s")
        check(code == UNMET and "no values" in out, out)
        check(rtstat(page, "-w", "command.count==0")[0] == OK, "but its count is 0")
        for text, why in WRONG.items():
            code, _, err = rtstat(page, "-w", text)
            check(code == USAGE and why in err, f"{text!r}: {code} {err}")
        # Of a time only: one second has about 200 periods, the daemon had more.
        before = b.stats.wait(5, "counters", lambda v: v["cycles"] > 400)
        begin = now()
        code, out, _ = rtstat(page, "--for", "1s", "-w", "cycles>1", "-w", "cycles<400",
                              "-w", "wakeup.count<400", "-w", "bms_samples<7", "-w", "minor_faults<1000")
        after = b.stats.wait(5, "counters", lambda v: True)
        check(code == OK and now() - begin >= 1, f"{code} {out}")
        check(after["cycles"] - before["cycles"] > 100, "there were more")


@takes(5)
def test_watch_does_not_judge_across_a_restart():
    with Bench(again=True) as b:
        daemon = b.start_running()
        worker = daemon.worker()
        watch = subprocess.Popen([os.environ["JKP_RTSTAT"], "-p", b.stats.path, "-f", "2s", "-w",
                                  "overruns>=0"], stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: daemon.worker() not in (None, worker), 3, "another worker")
        _, err = watch.communicate(timeout=20)
        check(watch.returncode == DEAD and "begun anew" in err, f"{watch.returncode} {err}")


def test_wrong_usage_is_told():
    for args in (["--json", "--table"], ["--for", "1s"], ["-H", "nothing"], ["--every", "1us"], ["extra"],
                 ["--frequency"], ["--reset", "--json"], ["-w", "overruns==0", "-o", "x"],
                 ["--every", "2"], ["--watch"], ["-f", "1s", "-j"]):
        code, out, err = rtstat(None, *args)
        check(code == USAGE and err and not out, f"{args}: {code} {out} {err}")
    check("usage" in good(None, "--help") and "jkpylon-rtstat" in good(None, "--version"), "help")
    code, _, err = rtstat(None, "--live")
    check(code == USAGE and "terminal" in err, f"{err}")


# ---- beginning anew -----------------------------------------------------------------------------

@takes(6)
def test_reset_is_for_root_and_the_daemons_user():
    with Bench() as b:
        b.start_running()
        before = json.loads(good(b.stats.path, "-j"))
        if os.geteuid() == 0:
            code, _, err = rtstat(b.stats.path, "--reset", user="nobody")
            check(code == REFUSED and "are you root or its user" in err, f"{code} {err}")
            check(rtstat(b.stats.path, "--table", user="nobody")[0] == OK, "everybody may read")
        check("anew" in good(b.stats.path, "--reset"), "answer")
        after = json.loads(good(b.stats.path, "-j"))
        check(after["measured_ns"] < 2e9 < after["up_ns"] and after["up_ns"] > before["up_ns"],
              f"{after['measured_ns']}")
        check(after["counters"]["resets"] == 1, "it is counted")
        check(after["times"]["wakeup"]["count"] < before["times"]["wakeup"]["count"], "times")
        check(after["counters"]["cycles"] > before["counters"]["cycles"], "counters go on")
        check(not after["limited"]["charge"].get("no-sample"), "rules")
        wait_for(lambda: any("begin anew by a local order" in line for line in b.daemons[0].lines), 2,
                 "it is in the log")
        v = b.stats.wait(5, "counters", lambda v: v["resets"] == 1)
        check(v["wakeup_count"] == sum(
            n for _, _, n in json.loads(good(b.stats.path, "-j"))["times"]["wakeup"]["buckets"])
            or v["wakeup_count"] > 0, "summary and histogram")


# ---- pages that are refused ---------------------------------------------------------------------

@takes(5)
def test_FLT_66_foreign_pages_are_refused_by_name():
    with Bench() as b:
        b.start_running()
        data = pathlib.Path(b.stats.path).read_bytes()
        copy = b.dir / "copy"

        def refused(content, code, *words):
            copy.write_bytes(content)
            for form in ("--table", "--json", "-wcycles>0"):
                got, out, err = rtstat(copy, form)
                check(got == code and not out, f"{words}: {got} {out}")
                check(all(w in err for w in words) and str(copy) in err, f"{words}: {err}")

        def edited(at, value):
            return data[:at] + value + data[at + len(value):]

        refused(edited(MAGIC, b"XKPSTAT\0"), FOREIGN, "no statistics page")
        refused(edited(VERSION, struct.pack("=I", 3)), FOREIGN, "version 3", "reads version 4")
        refused(edited(SIZE, struct.pack("=I", len(data) - 8)), FOREIGN, "same release")
        refused(data[:len(data) // 2], FOREIGN, "same release")
        refused(data[:40], FOREIGN, "same release")
        refused(b"", FOREIGN, "no statistics page")
        refused(edited(BOOT_ID, b"00000000-0000-0000-0000-000000000000"), DEAD, "started again")
        code, _, err = rtstat(b.dir / "missing")
        check(code == NO_PAGE and "is jkpylon running?" in err, f"{code} {err}")
        check(rtstat(b.dir)[0] == NO_PAGE, "a folder")
        fifo = b.dir / "fifo"
        os.mkfifo(fifo)
        check(rtstat(fifo)[0] == NO_PAGE, "a pipe nobody writes to")
        # One that anybody wrote: numbers without sense, and no sequence for the terminal.
        noise = bytes(itertools.islice(itertools.cycle(b"\x1b[2J\xff\x00\x80"), len(data)))
        body = struct.unpack_from("=I", data, LOOP_OFFSET)[0] + 8
        copy.write_bytes(edited(PROGRAM, b"\x1b]0;owned\x07\x1b[2J")[:body] + noise[body:])
        for form in ("--table", "--json", "--prometheus", "-Hwakeup", f"-s{b.dir}/wild.svg"):
            code, out, err = rtstat(copy, form, "--dead")
            check(code == OK and "\x1b" not in out + err and "\x07" not in out, f"{form}: {code} {err}")


# ---- daemons that are gone ----------------------------------------------------------------------

@takes(9)
def test_page_of_a_daemon_that_is_gone_is_refused_and_can_be_shown():
    with Bench() as b:
        daemon = b.start_running()
        worker = daemon.worker()
        # Standing still is no life.
        os.kill(daemon.process.pid, signal.SIGSTOP)
        os.kill(worker, signal.SIGSTOP)
        code, _, err = wait_for(lambda: (r := rtstat(b.stats.path))[0] == DEAD and r, 6, "it is noticed")
        check("has not moved for" in err and str(worker) in err, err)
        os.kill(worker, signal.SIGKILL)
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.wait(10)
        code, out, err = wait_for(lambda: (r := rtstat(b.stats.path))[2].find("ended") > 0 and r, 5,
                                  "the process is gone")
        check(code == DEAD and not out and f"process {worker} ended" in err and "--dead" in err, err)
        check(rtstat(b.stats.path, "--reset")[0] == DEAD, "nobody to ask")
        check(rtstat(b.stats.path, "-w", "overruns>=0")[0] == DEAD, "nothing to judge")
        check("NOT RUNNING" in good(b.stats.path, "--dead"), "post mortem")
        check(json.loads(good(b.stats.path, "-j", "-d"))["running"] is False, "JSON")
        code, out, _ = rtstat(b.stats.path, "--prometheus")
        check(code == DEAD and prometheus(out) == {("up", ""): 0}, out)


@takes(6)
def test_FLT_67_readers_that_are_killed_disturb_nothing():
    with Bench() as b:
        b.start_running()
        before = b.stats.wait(5, "counters", lambda v: True)
        for i in range(40):
            reader = subprocess.Popen([os.environ["JKP_RTSTAT"], "-p", b.stats.path, "-j", "--every", "50ms"],
                                      stdout=subprocess.DEVNULL)
            time.sleep(0.001 * (i % 10))
            reader.kill()
            reader.wait()
        b.stats.wait(5, "cycles go on", lambda v: v["cycles"] > before["cycles"] + 100)
        check(rtstat(b.stats.path, "-w", "wakeup.count>0")[0] == OK, "and can be read")


# ---- live screen --------------------------------------------------------------------------------

class Terminal:
    """rtstat on a terminal of its own."""

    def __init__(self, page, rows, columns):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(os.environ["JKP_RTSTAT"], ["rtstat", "-p", page, "-e", "100ms"])
        self.size(rows, columns)
        self.text = ""

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            self.text += data.decode(errors="replace")

    def picture(self):
        """The newest complete one, without what controls the terminal."""
        self.read()
        parts = self.text.split("\x1b[H")
        return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", parts[-2]) if len(parts) > 2 else ""

    def wait(self, condition, text):
        return wait_for(lambda: condition(self.picture()), 5, f"{text}: {self.picture()}")

    def key(self, key):
        os.write(self.fd, key)

    def end(self):
        deadline = now() + 5
        while now() < deadline:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@takes(8)
def test_live_screen_follows_keys_size_and_daemon():
    with Bench() as b:
        daemon = b.start_running()
        t = Terminal(b.stats.path, 50, 120)
        try:
            t.wait(lambda p: all(name in p for name in Stats.TIMES) and "wakeup: wake-up latency" in p,
                   "all times, and the histogram of the first")
            rows = len(t.picture().splitlines())
            check(rows <= 50, f"{rows} rows")
            t.key(b"j")
            t.wait(lambda p: "run: run time" in p, "the next one is chosen")
            t.key(b"\x1b[A")
            t.wait(lambda p: "wakeup: wake-up" in p, "an arrow goes back")
            t.key(b"b")
            t.wait(lambda p: "since b" in p and re.search(r"measured for [0-5]\.\d s", p), "from now on")
            t.key(b"h")
            t.wait(lambda p: "choose a time" in p and "Ctrl-C" in p, "help")
            t.key(b"h")
            t.size(20, 70)
            t.wait(lambda p: "wakeup " in p and len(p.splitlines()) <= 20
                   and not re.search(r"\|#+", p), "a small window has the table alone")
            os.kill(daemon.worker(), signal.SIGSTOP)
            os.kill(daemon.process.pid, signal.SIGSTOP)
            t.wait(lambda p: "NOT RUNNING" in p, "a daemon that stands still")
            os.kill(daemon.process.pid, signal.SIGCONT)
            t.key(b"q")
            check(t.end() == OK, "the end")
            check("\x1b[?1049h" in t.text and t.text.rstrip().endswith("\x1b[?1049l"), "screen is restored")
        finally:
            t.close()


@takes(9)
def test_live_screen_goes_on_after_a_terminal_that_was_not_read():
    with Bench() as b:
        b.start_running()
        t = Terminal(b.stats.path, 50, 120)
        try:
            t.wait(lambda p: "wakeup" in p, "the page is there")
            # Its buffer gets full, a picture waits for room, and the next one is late.
            time.sleep(3)
            t.read()
            t.text = ""
            wait_for(lambda: t.read() or t.text.count("\x1b[H") > 40, 8, "one picture after the other")
            t.key(b"q")
            check(t.end() == OK, "the end")
        finally:
            t.close()


def test_live_screen_waits_for_a_page():
    with Bench() as b:
        t = Terminal(str(b.dir / "missing"), 24, 80)
        try:
            t.wait(lambda p: "is jkpylon running?" in p and "waiting" in p, "it says what it waits for")
            b.start_running()
            shutil.copy(b.stats.path, b.dir / "missing")
            t.wait(lambda p: "wakeup" in p, "the page is there")
            os.kill(t.pid, signal.SIGTERM)
            check(t.end() == OK, "the end")
        finally:
            t.close()


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
