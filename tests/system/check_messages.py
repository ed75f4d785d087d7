#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every message that the guides quote (```log) is one that the programs can print, and the table of rules of
the troubleshooting page has every rule that can bind a limit.

A message is compared with the strings of the sources: those that stand side by side are joined, %d and {0:mA}
stand for anything. One may be made of several strings; together they must account for 40 % of its letters at
least, so a word that changes in a source makes the quotation wrong.

usage: check_messages.py [ROOT | --self-test]     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import sys
import tempfile

LEAST_LETTERS = 10
# Rules that no user meets: nothing binds; and one that stands for another.
UNNAMED = {"none"}
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
GAP = re.compile(r'(?:\s|\\\n|PRI[a-z0-9A-Z]+|[A-Z][A-Z0-9_]{3,})*')
HOLE = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j)?[diouxXscp]|%%|\{\d(?::\w+)?\}")


def strings(text):
    """Strings of a C file; those that only blanks and names of macros separate are one."""
    run, end = "", -1
    for m in LITERAL.finditer(text):
        gap = text[end:m.start()] if end >= 0 else None
        if gap is not None and GAP.fullmatch(gap) and len(gap) < 120:
            # A macro between two strings stands for something.
            run += ("\0" if re.search(r"[A-Z]{2}", gap) else "") + m.group(1)
        else:
            if run:
                yield run
            run = m.group(1)
        end = m.end()
    if run:
        yield run


def pattern(string):
    """(regular expression, letters that it demands) or None for one that says too little."""
    string = string.replace('\\"', '"').replace("\\n", " ").replace("\\t", " ").strip()
    parts = re.split(r"\0|" + HOLE.pattern, string)
    letters = sum(len(p) for p in parts)
    if letters < LEAST_LETTERS or max(map(len, parts)) < 4:
        return None
    return re.compile(".{1,90}?".join(f"({re.escape(p)})" for p in parts)), parts


def sources(root):
    found = []
    for folder in ("include", "src", "rt", "tools"):
        for path in sorted((root / folder).rglob("*.[ch]")):
            for string in set(strings(path.read_text(encoding="utf-8"))):
                p = pattern(string)
                if p:
                    found.append(p)
    return found


def known(message, patterns):
    """Whether strings of the sources account for 40 % of the message."""
    covered = [False] * len(message)
    for expression, parts in patterns:
        m = expression.search(message) if max(parts, key=len) in message else None
        if m:
            for n in range(1, len(parts) + 1):
                covered[m.start(n):m.end(n)] = [True] * (m.end(n) - m.start(n))
    return sum(covered) * 5 >= len(message) * 2


def quotations(text):
    for m in re.finditer(r"(?ms)^```log\n(.*?)^```$", text):
        for n, line in enumerate(m.group(1).splitlines()):
            yield text[:m.start()].count("\n") + 2 + n, line


def rules(root):
    text = (root / "include/base/rule.h").read_text(encoding="utf-8")
    return set(re.findall(r'(?m)^\s*X\(\w+,\s*"([\w-]+)",', text)) - UNNAMED


def check(root):
    patterns = sources(root)
    wrong, total = [], 0
    for page in sorted((root / "systemd/guide").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for number, line in quotations(text):
            total += 1
            if not known(line, patterns):
                wrong.append(f"{page}:{number}: no program says: {line}")
    page = root / "systemd/guide/troubleshooting.md"
    text = page.read_text(encoding="utf-8")
    table = re.search(r"(?ms)^\| rule \| means \| do \|\n(.*?)\n\n", text)
    named = {w for row in (table.group(1).splitlines() if table else [])
             for w in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    wrong += [f"{page}: the table of rules lacks {r}" for r in sorted(rules(root) - named)]
    wrong += [f"{page}: there is no rule {r}" for r in sorted(named - rules(root))]
    return total, wrong


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for f in ("systemd/guide", "src", "rt", "tools", "include/base"):
            (root / f).mkdir(parents=True)
        (root / "include/base/rule.h").write_text('\tX(A, "one", "x")\n\tX(B, "two", "y")\n')
        (root / "src/a.c").write_text('say("the cable of %s "\n\t"is out: %d times");\nsay(", plug it in again");\n')
        (root / "systemd/guide/troubleshooting.md").write_text(
            "```log\nthe cable of can0 is out: 3 times, plug it in again\nthe cable of can0 is off: 3 times\n```\n"
            "| rule | means | do |\n| --- | --- | --- |\n| `one`, `three` | | |\n\n")
        total, wrong = check(root)
        good = total == 2 and len(wrong) == 3 and "is off" in wrong[0]
        print("self test: " + ("good" if good else f"NOT: {wrong}"))
        return 0 if good else 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    total, wrong = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    if total < 40:
        wrong.append(f"only {total} messages are quoted, 40 expected")
    print("\n".join(wrong + [f"{total} messages quoted, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
