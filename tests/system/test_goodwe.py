#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon beside a GoodWe inverter: it reads what that one's battery does, and whatever is wrong
there changes nothing on the bus. Without coordination, which test_house.py is about.

A reading every 10 s is the most that may be configured: what the first one meets is set before the
daemon starts, and the cases run beside each other.

Environment: see daemon_bench.py; JKP_SIM.
"""

import os
import pathlib
import signal
import sys
import threading
import time

from daemon_bench import IDS, SLOW, Bench, check, limits, main, now, wait_for
from goodwe_bench import Goodwe

POLL_S = 10
WAIT_S = 90 if SLOW else 30
# the last words of the worker, and the bound of a service
STOP_S = 1.5 + 1.0 + (6.0 if SLOW else 1.0)
CALM_S = 3


class GoodweBench(Bench):
    def __init__(self, *args):
        super().__init__()
        self.goodwe = Goodwe(*args)

    def __enter__(self):
        super().__enter__()
        self.goodwe.__enter__()
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.goodwe.__exit__(kind, value, trace)

    def text(self, **changes):
        return super().text(**{"goodwe_host": "127.0.0.1", "goodwe_port": str(self.goodwe.port),
                               "goodwe_poll": f"{POLL_S}s", "goodwe_stale": "20s",
                               "arbiter_interlock": "no", "arbiter_cross_charge": "no",
                               "limits_rise": "100A/s", **changes})

    def start_steady(self, **options):
        """A daemon whose limits have risen as far as they do."""
        d = self.start_running(**options)

        def steady():
            frames = self.node.of(0x351)[-3:]
            return len(frames) == 3 and len({limits(f) for f in frames}) == 1
        wait_for(steady, WAIT_S, "limits that rest\n" + d.log())
        wait_log(d, "ladder: run")  # the log is later than the bus
        return d

    def calm(self, begin, said):
        """Sets once a second, none missing, all with the same limits."""
        end = now()
        frames = [f for f in self.node.frames if begin <= f.t <= end]
        for ident in IDS:
            times = [f.t for f in frames if f.id == ident]
            check(len(times) >= int(end - begin) - 1, f"0x{ident:X}: {len(times)} in {end - begin} s")
            gaps = [y - x for x, y in zip(times, times[1:])]
            check(SLOW or all(g < 1.5 for g in gaps), f"0x{ident:X}: {max(gaps, default=0)} s apart")
        other = {limits(f) for f in frames if f.id == 0x351} - {said}
        check(not other, f"limits {other} besides {said}")


def wait_log(daemon, text, seconds=WAIT_S):
    def look():
        return [line for line in daemon.lines if text in line]
    return wait_for(look, seconds, f'"{text}" in the log\n' + daemon.log())[0]


def threads(daemon):
    folder = pathlib.Path(f"/proc/{daemon.worker()}/task")
    return {(folder / t / "comm").read_text(encoding="ascii").strip(): int(t)
            for t in os.listdir(folder)}


def descriptors(daemon):
    """How many descriptors the worker has."""
    return len(os.listdir(f"/proc/{daemon.worker()}/fd"))


def together(cases):
    """Runs them beside each other; the first that fails is told."""
    errors = []

    def one(case):
        try:
            case()
        except Exception as error:  # of a thread: told below
            errors.append(error)
    running = [threading.Thread(target=one, args=(case,)) for case in cases]
    for t in running:
        t.start()
    for t in running:
        t.join()
    for error in errors:
        print(f"--- {error}", file=sys.stderr)
    if errors:
        raise errors[0]


def stop(daemon):
    begin = now()
    daemon.signal(signal.SIGTERM)
    check(daemon.wait(STOP_S) == 0, "exit code 0")
    check(now() - begin < STOP_S, f"ended after {now() - begin:.2f} s")


def reads_by(family, configured, words, least):
    def case():
        with GoodweBench("--family", family) as b:
            b.goodwe.tell("mode charge", "current 20", "soc 66")
            d = b.start_steady(text=b.text(goodwe_family=configured))
            said, mark = limits(b.node.of(0x351)[-1]), len(d.lines)
            line = wait_log(d, "GoodWe: the inverter answers")
            check(line.startswith("<5>") and words in line, line)
            first = b.goodwe.status()["requests"]
            check(first >= least, f"{first} requests")
            tid = threads(d).get("goodwe")
            check(tid, f"{threads(d)}")
            check(os.sched_getscheduler(tid) == os.SCHED_OTHER, "SCHED_OTHER")
            check(os.getpriority(os.PRIO_PROCESS, tid) == 10, "low priority")
            begin = now()
            wait_for(lambda: b.goodwe.status()["requests"] > first, POLL_S + WAIT_S, "a second reading")
            b.calm(begin, said)
            check(d.log().count("GoodWe:") == 1, "one line\n" + d.log())
            check("ladder: " not in "\n".join(d.lines[mark:]), "ladder\n" + d.log())
            stop(d)
            total = [line for line in d.lines if "GoodWe: read" in line]
            check(len(total) == 1 and "no answer 0, damaged 0, dropped 0" in total[0], d.log())
            status = b.goodwe.status()
            check(status["writes"] == 0 and status["unknown"] == 0, f"{status}")
    return case


def test_SAF_13_reads_and_changes_nothing():
    together([reads_by("aa55", "auto", "by AA55", 2),
              reads_by("modbus", "modbus", "by Modbus", 3),
              reads_by("es-g2", "auto", "by Modbus", 4)])


def broken_by(fault, words):
    def case():
        with GoodweBench() as b:
            b.goodwe.tell("mode charge", "current 20", "soc 66", f"fault {fault}")
            d = b.start_steady()
            said, mark = limits(b.node.of(0x351)[-1]), len(d.lines)
            begin = now()
            line = wait_log(d, words)
            check(line.startswith("<4>"), line)
            wait_for(lambda: now() - begin > CALM_S, CALM_S + 5, "some sets")
            b.calm(begin, said)
            v = b.stats.wait(5, "counters", lambda v: True)
            check(SLOW or v["missed"] < v["cycles"] / 10, f"{v['missed']} periods lost")
            check("the inverter answers" not in d.log(), d.log())
            check("ladder: " not in "\n".join(d.lines[mark:]), "ladder\n" + d.log())
            stop(d)
            check(b.goodwe.status()["writes"] == 0, "nothing is written")
    return case


def test_SAF_13_FLT_38_FLT_41_FLT_42_faults_of_the_inverter_change_nothing():
    # three at a time: each is a daemon of its own
    together([broken_by("silent", "GoodWe: no answer"),
              broken_by("truncate 100", "GoodWe: answer cut off or damaged"),
              broken_by("port", "GoodWe: no answer")])
    together([broken_by("garbage", "GoodWe: datagrams that answer nothing"),
              broken_by("late 1500", "GoodWe: no answer"),
              broken_by("sum", "GoodWe: answer cut off or damaged")])


def nobody_there():
    with GoodweBench() as b:
        b.goodwe.tell("quit")
        b.goodwe.process.wait(10)
        d = b.start_steady()
        said = limits(b.node.of(0x351)[-1])
        begin = now()
        before = descriptors(d)
        wait_log(d, "GoodWe: the network cannot reach goodwe.host (errno 111)")
        # asked three times, and all that it took is given back
        wait_for(lambda: descriptors(d) <= before, 10, "descriptors as before")
        time.sleep(CALM_S)
        check(descriptors(d) <= before, f"{descriptors(d)} descriptors, before {before}")
        b.calm(begin, said)
        stop(d)


def name_that_is_none():
    with GoodweBench() as b:
        d = b.start_steady(text=b.text(goodwe_host="no-such-inverter.invalid"))
        said = limits(b.node.of(0x351)[-1])
        begin = now()

        # Where no name server answers, the resolver itself hangs: that is told as well.
        def told():
            return [line for line in d.lines if "GoodWe:" in line]
        line = wait_for(told, WAIT_S, "a word about the name\n" + d.log())[0]
        check("cannot be resolved" in line or "where goodwe.host is" in line, line)
        b.calm(begin, said)
        stop(d)


def not_wanted():
    with GoodweBench() as b:
        d = b.start_running(text=b.text(goodwe_host="none"))
        check("goodwe" not in threads(d), f"{threads(d)}")
        stop(d)
        check(b.goodwe.status()["requests"] == 0 and "GoodWe" not in d.log(), d.log())


def dry_run():
    with GoodweBench() as b:
        d = b.start(b.text(), args=["--dry-run"])
        wait_log(d, "GoodWe: the inverter answers")
        d.signal(signal.SIGTERM)
        d.wait(STOP_S)
        check(b.goodwe.status()["writes"] == 0, "nothing is written")


def refused():
    with GoodweBench() as b:
        d = b.start(b.text(goodwe_poll="15s"))
        check(d.wait(10) == 1, "exit code 1")
        check("goodwe.stale (20s, line " in d.log() and "against goodwe.poll (15s" in d.log(), d.log())


def test_SAF_13_FLT_34_absent_inverter_and_name():
    together([nobody_there, name_that_is_none, dry_run])


def test_only_where_it_is_wanted():
    together([not_wanted, refused])


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
