#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages for readers point to is there: every test that they name, every file and chapter that they
link to, every path of this project in inline code; in manual pages every page of ours and every file below
share/.

usage: check_readme.py [ROOT | --self-test]     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import sys
import tempfile

TEST = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`((?:tools|tests|src|rt|include|systemd|\.ci)/[\w./*-]+)")
MIN_TESTS = {"README.md": 60, "tests/README.md": 80}
PAGES = ("*.md", "systemd/guide/*.md", "tests/README.md", "tests/*/README*.md")
MANUALS = ("systemd/*.5", "systemd/*.8", "tools/*.1")
# Manual pages of other packages.
FOREIGN = {"sd_notify 3", "systemd-system.conf 5", "candump 1", "xxd 1", "canplayer 1", "cyclictest 8", "isatty 3",
           "strftime 3", "systemd.exec 5", "systemd.network 5"}


def slugs(text):
    """The anchors that a page has, as GitHub makes them of its headings."""
    found = set()
    for heading in re.findall(r"(?m)^#{1,6} +(.+?) *$", re.sub(r"(?ms)^```.*?^```$", "", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        n = 0
        while (slug if n == 0 else f"{slug}-{n}") in found:
            n += 1
        found.add(slug if n == 0 else f"{slug}-{n}")
    return found


def wrong_tests(page, text):
    for name, path in TEST.findall(text):
        file = page.parent / path
        if not file.is_file():
            yield f"{page}: {path} does not exist (named for {name})"
        elif not re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")):
            yield f"{page}: {path} has no {name}"


def wrong_links(page, text):
    for link in sorted(set(LINK.findall(text))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        file = page.parent / path if path else page
        if not file.exists():
            yield f"{page}: {path} does not exist"
        elif anchor and file.suffix == ".md" and anchor not in slugs(file.read_text(encoding="utf-8")):
            yield f"{page}: {path or page.name} has no chapter #{anchor}"


def wrong_code(root, page, text):
    """Paths in inline code: from the root, or from the page. The vectors' pages name other projects' files."""
    if page.parent.name == "vectors":
        return
    for path in sorted(set(CODE.findall(re.sub(r"(?ms)^```.*?^```$", "", text)))):
        path = path.rstrip(".")
        if not any(list(base.glob(path)) for base in (root, page.parent)):
            yield f"{page}: {path} does not exist"


def wrong_manual(root, page, text):
    ours = {re.search(r"(?m)^\.Dt (\S+) (\d)", m.read_text(encoding="utf-8")).groups()
            for pattern in MANUALS for m in root.glob(pattern)}
    for name, section in set(re.findall(r"(?m)^\.Xr (\S+) (\d)", text)):
        if (name.upper(), section) not in ours and f"{name} {section}" not in FOREIGN:
            yield f"{page}: {name}({section}) is no page of ours and not one of the known others"
    for name in set(re.findall(r"/usr/share/(?:doc/)?jkpylon/(\S+)", text)):
        if not any(list(root.glob(pattern + name)) or list(root.glob(pattern + name + ".in"))
                   for pattern in ("systemd/", "systemd/guide/", "systemd/dt/", "tools/home-assistant/")):
            yield f"{page}: nothing is installed as {name}"


def check(root, least):
    wrong, total = [], 0
    for page in sorted({p for pattern in PAGES for p in root.glob(pattern)}):
        text = page.read_text(encoding="utf-8")
        count = len(TEST.findall(text))
        total += count
        wrong += [*wrong_tests(page, text), *wrong_links(page, text), *wrong_code(root, page, text)]
        if count < least.get(str(page.relative_to(root)), 0):
            wrong.append(f"{page}: only {count} tests are named, {least[str(page.relative_to(root))]} expected")
    for page in (m for pattern in MANUALS for m in sorted(root.glob(pattern))):
        wrong += wrong_manual(root, page, page.read_text(encoding="utf-8"))
    return total, wrong


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tools").mkdir()
        (root / "tests").mkdir()
        (root / "tests/a.c").write_text("test_here\n")
        (root / "README.md").write_text(
            "# A & b\n[`test_here`](tests/a.c) [`test_gone`](tests/a.c) [`test_x`](b.c) [c](d.md) [e](#a--b) [f](#no)\n"
            "`tools/none --x` `tests/a.c`\n")
        (root / "tools/x.1").write_text(".Dt X 1\n.Xr x 1\n.Xr y 1\n.Pa /usr/share/jkpylon/z\n")
        _, wrong = check(root, {})
        good = len(wrong) == 8
        print("self test: " + ("good" if good else "NOT: " + "\n".join(wrong)))
        return 0 if good else 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    total, wrong = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."), MIN_TESTS)
    print("\n".join(wrong + [f"{total} tests named, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
