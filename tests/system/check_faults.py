#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every fault of the table, FLT-01 to FLT-72, has at least one test that carries its id in its name: a
function of a test program, or the title of a case of the virtual bench. And no test has the id of a
fault that there is not.

usage: check_faults.py [ROOT | --self-test]     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import sys
import tempfile

FAULTS = 72
# What is a test: in C, in Python and on the virtual bench.
NAMES = {".c": re.compile(r"^static void (test_\w+)\(", re.M), ".py": re.compile(r"^def (test_\w+)\(", re.M)}
TITLE = re.compile(r'^TITLE = "(.*)"', re.M)
ID = re.compile(r"FLT_(\d+)")


def tests_of(path, text):
    if path.parent.name == "cases":
        return TITLE.findall(text)
    return NAMES[path.suffix].findall(text)


def find(root):
    """number -> files with a test of it"""
    found = {}
    for path in sorted((root / "tests").rglob("*")):
        if path.suffix not in NAMES or not path.is_file():
            continue
        for test in tests_of(path, path.read_text(encoding="utf-8")):
            for number in ID.findall(test):
                found.setdefault(int(number), set()).add(str(path.relative_to(root)))
    return found


def verdicts(found):
    missing = [n for n in range(1, FAULTS + 1) if n not in found]
    unknown = [n for n in found if not 1 <= n <= FAULTS]
    return ([f"FLT-{n:02}: no test has FLT_{n:02} in its name" for n in missing] +
            [f"FLT-{n:02}: there is no such fault, see {sorted(found[n])}" for n in unknown])


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tests/lab/cases").mkdir(parents=True)
        numbers = [n for n in range(1, FAULTS + 1) if n not in (3, 4, 5)]
        (root / "tests/test_a.c").write_text(
            "".join(f"static void test_FLT_{n:02}_x(void **state)\n" for n in numbers) +
            "/* test_FLT_03_x is only spoken of */\n")
        (root / "tests/test_b.py").write_text("def test_FLT_04_FLT_73_y():\n    pass\n")
        (root / "tests/lab/cases/1.py").write_text('TITLE = "FLT_05: z"\n')
        wrong = verdicts(find(root))
        good = len(wrong) == 2 and wrong[0].startswith("FLT-03: no test") and wrong[1].startswith("FLT-73")
        print("self test: " + ("good" if good else f"NOT: {wrong}"))
        return 0 if good else 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = find(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    wrong = verdicts(found)
    print("\n".join(wrong + [f"{len(found)} faults have tests, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
