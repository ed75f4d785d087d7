#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the cases: boots each kind of machine once, gives every case a clean one, counts."""

import argparse
import collections
import contextlib
import importlib.util
import json
import multiprocessing
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import arm  # noqa: E402
import bench  # noqa: E402
from machine import Failure, OutOfTime  # noqa: E402

CLEAN_S = 60
MACHINES = {**bench.MACHINES, **arm.MACHINES}
# Kinds of machines that run beside the others, the cases of a lane one after the other. Those of "boot"
# have no bounds on time that another lane endangers; the time of "counted" passes by no clock, it has
# what the others leave (Machine.launch).
LANES = {"boot": "boot", "package": "boot", "icount": "counted", "icount-arm": "counted"}


class Skip(Exception):
    """Raised by a case that cannot run here; the reason is printed."""


def load_cases():
    cases = []
    for path in sorted((HERE / "cases").glob("[0-9]*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        case = importlib.util.module_from_spec(spec)
        case.Skip = Skip
        spec.loader.exec_module(case)
        case.name = path.stem
        if case.MACHINE not in MACHINES:
            sys.exit(f"{path}: MACHINE is {case.MACHINE}; there are {', '.join(MACHINES)}")
        cases.append(case)
    return cases


def on_alarm(_number, _frame):
    raise OutOfTime("the case did not end within its bound")


class Run:
    def __init__(self, options):
        self.options = options
        self.images = options.images
        self.arm = options.arm
        self.product = pathlib.Path(options.product)
        self.logs = pathlib.Path(options.logs)
        self.lab = None
        self.boots = 0
        self.folder = ""

    def boot(self, kind, fresh=False):
        """A clean machine of this kind: the running one, or a new one; `fresh`: always a new one."""
        if self.lab and self.lab.kind == kind and not self.lab.spent and not fresh:
            try:
                signal.alarm(CLEAN_S * self.lab.machine.patience)
                self.lab.clean()
                return
            except (Failure, OutOfTime) as error:
                print(f"        new machine: {str(error).splitlines()[0]}", flush=True)
            finally:
                signal.alarm(0)
        self.halt()
        self.boots += 1
        lab, images = (arm.ArmLab, self.arm) if kind in arm.MACHINES else (bench.Lab, self.images)
        self.lab = lab(kind, images, self.product, self.logs / f"{self.folder}{self.boots}-{kind}")
        print(f"        machine {kind}: agent answers after {self.lab.machine.boot_s:.1f} s, "
              f"{self.lab.machine.processor_s():.0f} of a processor", flush=True)

    def halt(self):
        if self.lab:
            self.lab.stop()
            self.lab = None

    def keep_logs(self, case):
        """What the guest's processes said, and the end of its kernel log."""
        lab = self.lab
        folder = self.logs / case.name
        folder.mkdir(parents=True, exist_ok=True)
        for name in dict.fromkeys(lab.machine.spawned):
            # A case that tidies up, or a guest started again, has forgotten its processes.
            with contextlib.suppress(Failure):
                lines = lab.machine.lines(name)["lines"]
                (folder / f"{name}.log").write_text(
                    "".join(f"{t:.6f} {text}\n" for t, text in lines), encoding="utf-8")
        (folder / "dmesg").write_text(lab.out("dmesg | tail -n 80", check=False), encoding="utf-8")

    def one(self, case):
        begin, used = time.monotonic(), 0.0
        verdict, text, late = "passed", "", False
        try:
            self.boot(case.MACHINE, getattr(case, "FRESH", False))
            self.lab.notes.clear()
            self.lab.figures.clear()
            begin, used = time.monotonic(), -self.lab.machine.processor_s()
            signal.alarm(case.SECONDS * self.lab.machine.patience)
            case.run(self.lab)
        except Skip as reason:
            verdict, text = "skipped", str(reason)
        except (Failure, OutOfTime) as error:
            verdict, text, late = "failed", str(error), isinstance(error, OutOfTime)
        except Exception:  # a broken case must not hide the others
            verdict, text = "failed", traceback.format_exc()
        finally:
            signal.alarm(0)
        seconds = time.monotonic() - begin
        bound = case.SECONDS * (self.lab.machine.patience if self.lab else 1)
        if self.lab:
            used = max(used + self.lab.machine.processor_s(), 0.0)
        word = {"passed": "ok    ", "failed": "FAILED", "skipped": "skip  "}[verdict]
        notes = list(self.lab.notes) if self.lab else []
        said = [f"{word} {case.name}  {seconds:.1f} s of {bound} s, {used:.0f} of a processor  "
                f"{case.TITLE}", *notes, *text.splitlines()]
        # At once: another lane writes too.
        print("\n        ".join(said), flush=True)
        self.after(case, verdict)
        return {"case": case.name, "verdict": verdict, "seconds": round(seconds, 1),
                "processor_s": round(used, 1), "late": late, "text": text, "notes": notes,
                "figures": dict(self.lab.figures) if self.lab else {}}

    def after(self, case, verdict):
        # Some cases end their machine.
        if not self.lab or self.lab.machine.process.poll() is not None:
            return
        try:
            signal.alarm(CLEAN_S * self.lab.machine.patience)
            self.keep_logs(case)
        except (Failure, OutOfTime) as error:
            print(f"        no logs: {str(error).splitlines()[0]}", flush=True)
        finally:
            signal.alarm(0)
        # A case that failed may have left anything behind.
        if verdict == "failed" and not self.options.keep:
            self.halt()

    def all(self, cases):
        results = []
        # Each machine once.
        for kind in MACHINES:
            results += [self.one(case) for case in cases if case.MACHINE == kind]
        return results

    def again(self, results, cases):
        """Function is what the host's clock drives, and a host that stands still for a second looks
        like a fault of the product. So what failed is run once more, alone on a new machine; the
        first verdict is printed and kept. Counted time has no such excuse, but its cases wait for the
        others."""
        by_name = {case.name: case for case in cases}
        self.folder = "again-"
        for i, first in enumerate(results):
            case = by_name[first["case"]]
            if first["verdict"] != "failed" or (case.MACHINE.startswith("icount") and
                                                not first["late"]):
                continue
            print(f"        {case.name} once more:", flush=True)
            second = self.one(case)
            second["notes"].append(f"at the second attempt; the first: {first['text']}")
            second["again"] = True
            results[i] = second
        return results

    def shell(self, kind):
        """Commands from the terminal to a guest, one a line."""
        self.boot(kind)
        print("Commands run in the guest as root, one a line; end with Ctrl-D.", flush=True)
        for line in sys.stdin:
            answer = self.lab.run(line, check=False)
            print(answer["out"], end="" if answer["out"].endswith("\n") else "\n")
            if answer["rc"]:
                print(f"[exit status {answer['rc']}]")
            sys.stdout.flush()


def run_lane(options, lane, cases):
    run = Run(options)
    try:
        results = run.all(cases)
    finally:
        run.halt()
    lane_file(options, lane).write_text(json.dumps(results), encoding="utf-8")


def closing_lines(results):
    """Lanes mix their lines: what failed, once more, at the end; and what passed only the second time.
    tools/check reads both."""
    lines = []
    for result in results:
        if result["verdict"] == "failed":
            lines += [f"FAILED {result['case']}", *(f"        {t}" for t in result["text"].splitlines())]
        elif result["verdict"] == "passed" and result.get("again"):
            lines.append(f"AGAIN {result['case']}")
    return lines


def lane_file(options, lane):
    return pathlib.Path(options.logs) / f"results-{lane}.json"


def run_lanes(options, lanes):
    """Each lane in a process of its own, since a case is bounded by the alarm of its process."""
    fork = multiprocessing.get_context("fork")
    processes = {lane: fork.Process(target=run_lane, args=(options, lane, cases), daemon=True)
                 for lane, cases in lanes.items()}
    for process in processes.values():
        process.start()
    results = []
    for lane, process in processes.items():
        process.join()
        if process.exitcode != 0:
            sys.exit(f"tests/lab/run: lane {lane} has ended with {process.exitcode}")
        results += json.loads(lane_file(options, lane).read_text(encoding="utf-8"))
        lane_file(options, lane).unlink()
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", help="folder of tests/lab/prepare")
    parser.add_argument("--arm", help="folder of tests/lab/build_arm")
    parser.add_argument("--product")
    parser.add_argument("--logs")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--kinds", action="store_true", help="x86 or arm: what the cases need")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--shell", nargs="?", const="bench", choices=list(MACHINES))
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    cases = load_cases()
    if options.list:
        for case in cases:
            print(f"{case.name:28} {case.SECONDS:4} s  {case.MACHINE:8} {case.TITLE}")
        return 0
    if options.case:
        wanted = [c for c in cases if any(w in c.name for w in options.case)]
        for word in options.case:
            if not any(word in c.name for c in cases):
                sys.exit(f"tests/lab/run: there is no case \"{word}\"; --list shows them")
        cases = wanted
    if options.kinds:
        kinds = [options.shell] if options.shell else [c.MACHINE for c in cases]
        print(*{"arm" if kind in arm.MACHINES else "x86" for kind in kinds})
        return 0
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lanes = collections.defaultdict(list)
    for case in cases:
        lanes[LANES.get(case.MACHINE, "main")].append(case)
    begin = time.monotonic()
    run = Run(options)
    try:
        if options.shell:
            run.shell(options.shell)
            return 0
        # The machine that is kept is the last of all.
        together = len(lanes) > 1 and not options.keep
        results = run_lanes(options, lanes) if together else run.all(cases)
        if not options.keep:
            results = run.again(results, cases)
        if run.lab and options.keep:
            print(f"Kept: machine in {run.lab.dir}; Enter ends it.", flush=True)
            sys.stdin.readline()
    finally:
        run.halt()
    (run.logs / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    for line in closing_lines(results):
        print(line)
    print(f"Cases: {time.monotonic() - begin:.0f} s. Logs: {options.logs}")
    count = collections.Counter(result["verdict"] for result in results)
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
