#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every option of every program is in its source, its --help, its manual page and its completion, and none of
them has another one. Every program tells the one version, and so does the head of CHANGELOG.md.

Keys of the configuration are compared by tests/unit/conf/test_docs.c.

usage: check_options.py SOURCE_DIR BUILD_DIR     exit 0 if all is well, 1 otherwise
"""
import pathlib
import re
import subprocess
import sys

# program, manual page, sources with its options, parts with a help of their own
PROGRAMS = (
    ("rt/jkpylond", "systemd/jkpylond.8", ["rt/guard_main.c"], []),
    ("tools/jkpylon-canview", "tools/canview.1", ["tools/canview.c"], []),
    ("tools/jkpylon-probe", "tools/probe.1", ["tools/probe.c"], []),
    ("tools/jkpylon-replay", "tools/replay.1", ["tools/replay.c"], []),
    ("tools/jkpylon-rtstat", "tools/rtstat.1", ["tools/rtstat_args.c"], []),
    ("tools/jkpylon-sim", "tools/sim.1", ["tools/sim.c", "tools/sim_sma.c", "tools/sim_goodwe.c", "tools/sim_house.c",
                                         "tools/sim_sems.py"], ["sma", "goodwe", "sems", "house"]),
    ("tools/acceptance", "tools/acceptance.1", ["tools/acceptance"], []),  # a script, in the sources
)
# For the service and for tests, not for users: in no --help.
HIDDEN = {"state-recorder", "sysroot"}
MACRO = re.compile(r"(?:Ar|Cm|Ns|Op|Oo|Oc|Li|Xr|Pa|Pq|Dq)$")
SHORT_OF_ALL = {"h", "V"}  # of all that take --help and --version by a letter


def is_script(root, path):
    return (root / path).is_file()


def place(root, build, path):
    return root / path if is_script(root, path) else build / path


def name_of(path):
    name = pathlib.Path(path).name
    return name if name.startswith("jkpylon") else f"jkpylon-{name}"


def run(*words, **kwargs):
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, **kwargs)


def in_help(program, parts):
    """({long options}, {letters}) of all helps of a program"""
    text = ""
    for words in [[], *([p] for p in parts)]:
        done = run(program, *words, "--help")
        if done.returncode or done.stderr:
            raise SystemExit(f"{program} {words} --help: exit status {done.returncode}: {done.stderr}")
        text += done.stdout
    return (set(re.findall(r"(?<![\w-])--([a-z][\w-]*)", text)),
            set(re.findall(r"(?<![\w-])-([a-zA-Z])(?![\w-])", text)))


def in_sources(root, files):
    found = set()
    for name in files:
        text = (root / name).read_text(encoding="utf-8")
        found |= set(re.findall(r'\{"([a-z][\w-]*)", (?:no|required|optional)_argument', text))
        found |= set(re.findall(r'add_argument\("--([a-z][\w-]*)"', text))
    return found - HIDDEN


def in_manual(page):
    """({long}, {letters}) that are described, and all that are named where they are its own"""
    text = page.read_text(encoding="utf-8")
    synopsis = text[text.index(".Sh SYNOPSIS"):text.index(".Sh DESCRIPTION")]
    described, named = set(), set()
    for line in text.splitlines():
        if line.startswith(".It Fl "):
            described |= flags(line[4:])
    for line in synopsis.splitlines():
        if re.match(r"\.(?:Op |Oo )?Fl ", line):
            named |= flags(re.sub(r"^\.(?:Op |Oo )?", "", line))
    return described, named | described


def flags(line):
    """Options in a line of mdoc: each word behind Fl, up to the next macro. "ajL" of a synopsis are letters."""
    found, on = set(), False
    for word in line.replace("\\-", "-").split():
        if word == "Fl":
            on = True
        elif MACRO.match(word):
            on = False
        elif on and word.startswith("-") and re.fullmatch(r"-[a-z][\w-]*", word):
            found.add(word)
        elif on and re.fullmatch(r"[a-zA-Z]+", word):
            found |= set(word)
    return found


def compare(root, build, entry):
    path, manual, sources, parts = entry
    program = place(root, build, path)
    longs, letters = in_help(program, parts)
    described, named = in_manual(root / manual)
    wrong = []
    code = in_sources(root, sources) | ({"help"} if parts else set())
    for option in sorted((code | {"help"} if is_script(root, path) else code) ^ longs):
        wrong.append(f"{path}: --{option} is in {'the source' if option in code else '--help'} only")
    for option in sorted(longs):
        if f"-{option}" not in described:
            wrong.append(f"{manual}: --{option} is not described")
    for option in sorted(named):
        if option.startswith("-") and option[1:] not in longs | HIDDEN:
            wrong.append(f"{manual}: {path} has no -{option}")
        if not option.startswith("-") and option not in letters | SHORT_OF_ALL:
            wrong.append(f"{manual}: {path} has no -{option}")
    for letter in sorted(letters - SHORT_OF_ALL):
        if letter not in named:
            wrong.append(f"{manual}: -{letter} is not described")
    return wrong + completion(root, program, parts, longs), len(longs)


ASK = """
. "$1"; shift
complete -p "$1" >/dev/null || exit 1
shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_jkpylon
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(root, *words):
    done = run("bash", "-c", ASK, "bash", str(root / "systemd/jkpylon.bash-completion"),
               name_of(words[0]), *map(str, words))
    if done.returncode or done.stderr:
        raise SystemExit(f"completion of {words}: {done.stderr}")
    return set(done.stdout.split())


def completion(root, program, parts, longs):
    wrong, given = [], set()
    for words in [[], *([p] for p in parts)]:
        given |= offered(root, program, *words, "-")
    missing = {f"--{o}" for o in longs} - given
    wrong += [f"completion: {program.name}: {o} is not offered" for o in sorted(missing)]
    if parts and not set(parts) <= offered(root, program, ""):
        wrong.append(f"completion: {program.name}: its parts are not offered")
    if "--help" not in offered(root, program, "--he"):
        wrong.append(f"completion: {program.name}: --he does not lead to --help")
    return wrong


def choices(root, build):
    """Words to choose from, files, parts."""
    tools = build / "tools"
    asked = (
        ("goodwe.family", {"aa55", "modbus", "es-g2"}, (tools / "jkpylon-sim", "goodwe", "--family", "")),
        ("house.set", {"usual", "even"}, (tools / "jkpylon-sim", "house", "--set", "")),
        ("rtstat --histogram", {"wakeup"}, (tools / "jkpylon-rtstat", "--histogram", "wake")),
        ("probe", {"bms", "can", "sma", "mqtt"}, (tools / "jkpylon-probe", "")),
        ("probe can", {"lo"}, (tools / "jkpylon-probe", "can", "l")),
        ("file", {str(root / "README.md")}, (build / "rt/jkpylond", "--config", str(root / "READ"))),
    )
    return [f"completion: {what}: {sorted(want)} are not offered"
            for what, want, words in asked if not want <= offered(root, *words)]


def versions(root, build):
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    version = re.search(r"project\(jkpylon VERSION (\d+\.\d+\.\d+)", text).group(1)
    wrong = []
    for path, manual, _, _ in there(root):
        page = build / manual
        if f"jkpylon {version}" not in page.read_text(encoding="utf-8"):
            wrong.append(f"{page} is not of version {version}")
        if is_script(root, path):
            continue
        said = run(build / path, "--version").stdout.strip()
        if not re.fullmatch(rf"{re.escape(pathlib.Path(path).name)}(?: \(jkpylon\))? {re.escape(version)}", said):
            wrong.append(f"{path} --version says \"{said}\", the version is {version}")
    head = re.search(r"(?m)^## \[([^\]]+)\](?: - (\S+))?$", (root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not head or head.group(1) != version or not re.fullmatch(r"unreleased|\d{4}-\d{2}-\d{2}", head.group(2) or ""):
        wrong.append(f"CHANGELOG.md does not begin with \"## [{version}] - DATE\" or \"## [{version}] - unreleased\"")
    return wrong


def there(root):
    return [entry for entry in PROGRAMS if (root / entry[1]).is_file()]


def main():
    root, build = map(pathlib.Path, sys.argv[1:3])
    wrong, total = [], 0
    for page in [*root.glob("systemd/*.8"), *root.glob("tools/*.1")]:
        if str(page.relative_to(root)) not in [manual for _, manual, _, _ in PROGRAMS]:
            wrong.append(f"{page}: of a program that this test does not know")
    for entry in there(root):
        found, count = compare(root, build, entry)
        wrong += found
        total += count
    wrong += choices(root, build) + versions(root, build)
    print("\n".join(wrong + [f"{total} options of {len(there(root))} programs, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
