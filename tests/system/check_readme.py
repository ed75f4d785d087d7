#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every test that README.md and tests/README.md name exists where they say, and so does every file that
they link to.

usage: check_readme.py [ROOT]     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import sys

LINK = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
FILE = re.compile(r"\]\(([^)#]+)")
MIN_LINKS = {"README.md": 60, "tests/README.md": 60}


def wrong_tests(page, links):
    bad = 0
    for name, path in links:
        file = page.parent / path
        if not file.is_file():
            print(f"{page}: {path} does not exist (named for {name})")
            bad += 1
        elif not re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")):
            print(f"{page}: {path} has no {name}")
            bad += 1
    return bad


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    total = bad = 0
    for name, least in MIN_LINKS.items():
        page = root / name
        text = page.read_text(encoding="utf-8")
        links = LINK.findall(text)
        total += len(links)
        bad += wrong_tests(page, links)
        for path in sorted(set(FILE.findall(text)) - {path for _, path in links}):
            if "://" not in path and not (page.parent / path).exists():
                print(f"{page}: {path} does not exist")
                bad += 1
        if len(links) < least:
            print(f"{page}: only {len(links)} tests are named, {least} expected")
            bad += 1
    print(f"{total} tests named, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
