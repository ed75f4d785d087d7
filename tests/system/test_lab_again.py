#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A case of the virtual bench that passed only when it was run once more is shown by tools/check: what
the bench says at its end (tests/lab/runner.py) is what tools/check reads.

Environment: JKP_SOURCE_DIR
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["JKP_SOURCE_DIR"])
FUNCTIONS = ("pass_many", "fail", "skip", "count_closing_line")
RESULTS = [
    {"case": "100_first", "verdict": "passed", "text": "", "notes": []},
    {"case": "210_second", "verdict": "passed", "text": "", "notes": [], "again": True},
    {"case": "220_third", "verdict": "failed", "text": "not within 2 s:\nAGAIN nonsense", "notes": [],
     "again": True},
    {"case": "230_fourth", "verdict": "skipped", "text": "no root", "notes": [], "again": True},
]


def runner():
    spec = importlib.util.spec_from_file_location("runner", SOURCE / "tests/lab/runner.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Again(unittest.TestCase):
    def result(self, lines, status, closing):
        """What tools/check makes of a log."""
        text = (SOURCE / "tools/check").read_text(encoding="utf-8")
        found = [re.search(rf"(?ms)^{name}\(\) .*?^}}$", text)[0] for name in FUNCTIONS]
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "log")
            log.write_text("\n".join(lines) + "\n" + closing + "\n", encoding="utf-8")
            script = "\n".join([*found, f"result={folder}/result",
                                f"count_closing_line lab {log} {status} '{closing}'"])
            done = subprocess.run(["bash", "-u", "-c", script], capture_output=True, text=True, timeout=20,
                                  check=False)
            self.assertEqual(done.stderr, "")
            said = pathlib.Path(folder, "result").read_text(encoding="utf-8")
            return said.replace(str(log), "LOG").splitlines()

    def test_second_attempt_is_told_and_counted_once(self):
        lines = ["FAILED 210_second  2.0 s of 9 s  x", "ok     210_second  1.0 s of 9 s  x",
                 *runner().closing_lines(RESULTS)]
        self.assertEqual(lines[2:], ["AGAIN 210_second", "FAILED 220_third", "        not within 2 s:",
                                     "        AGAIN nonsense"])
        self.assertEqual(self.result(lines, 1, "2 passed, 1 failed, 1 skipped"),
                         ["passmany\t2", "fail\tlab: 220_third\tLOG", "skip\tlab: see LOG",
                          "again\tlab: 210_second: see LOG"])

    def test_first_attempt_says_nothing(self):
        lines = runner().closing_lines(RESULTS[:1])
        self.assertEqual(lines, [])
        self.assertEqual(self.result(["ok     100_first"], 0, "1 passed, 0 failed"), ["passmany\t1"])

    def test_the_runner_marks_a_second_attempt(self):
        module = runner()
        case = type("Case", (), {"name": "210_second", "MACHINE": "bench"})
        run = module.Run(type("Options", (), {"images": "", "arm": "", "product": "", "logs": ""}))
        run.one = lambda _: {"case": case.name, "verdict": "passed", "text": "", "notes": []}
        first = [{"case": case.name, "verdict": "failed", "text": "once", "notes": []}]
        self.assertEqual(module.closing_lines(run.again(first, [case])), ["AGAIN 210_second"])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
