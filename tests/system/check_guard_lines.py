#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that the part of the guard that decides and acts stays small enough to be read at one sitting.

    check_guard_lines.py [--root DIR]     count the lines of code, exit status 1 above the bound
    check_guard_lines.py --self-test      count texts whose number is known

A line of code is one that is neither blank nor comment; a lone brace counts.
"""

import argparse
import pathlib
import re
import sys

FILES = ("rt/guard.c", "src/core/guardpol.c", "rt/relay.c")
LINES_MAX = 400

# Strings are found too, so that what looks like a comment in one is none.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comment(match):
    text = match.group(0)
    return re.sub(r"[^\n]", " ", text) if text.startswith("/") else text


def count(text):
    return sum(1 for line in TOKEN.sub(without_comment, text).split("\n") if line.strip())


def check(root):
    """Print the count of each file and the sum. Return: it is within the bound."""
    total = 0
    for name in FILES:
        lines = count((root / name).read_text(encoding="utf-8"))
        total += lines
        print(f"{lines:5} {name}")
    print(f"{total:5} lines of code, at most {LINES_MAX}")
    if total > LINES_MAX:
        print("the guard has grown: say it, or what is there, more simply")
    return total <= LINES_MAX


# text, lines of code
KNOWN = [
    ("", 0),
    ("\n \t\n", 0),
    ("/* a */\n// b\n/*\n * c\n */\n", 0),
    ("int a; /* b */\n", 1),
    ("/* a */ int b;\n", 1),
    ("int a; /* b\n c */ int d;\n", 2),
    ("int f(void)\n{\n\n\treturn 1; // one\n}\n", 4),
    ('char *a = "/*";\nint b;\nchar *c = "*/";\n', 3),
    ('f("a"\n  "b");\n', 2),
    ("char a = '\"'; /* b\n\n\" */\nint c;", 2),
]


def self_test():
    failed = 0
    for text, lines in KNOWN:
        if count(text) != lines:
            failed += 1
            print(f"NOT OK  {text!r}: {count(text)} instead of {lines}")
    print(f"{failed} of {len(KNOWN)} texts miscounted" if failed else "self-test passed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    return 0 if (self_test() if args.self_test else check(args.root)) else 1


if __name__ == "__main__":
    sys.exit(main())
