#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of README.md, CONTRIBUTING.md and the guides is run, or is marked in the text with what it needs.

A command is a line of a block that begins with ```sh, of an indented block, a line with "$ " of a block
```console, and inline code that begins with "sudo". A line that ends in "# needs THING", or a block with
such a comment on a line of its own, is not run but checked for its syntax and for options that are there;
so is inline code that begins with a program of ours. Settings (```ini) are given to jkpylond --check.
Everything else is a picture, an output, or a message.

It runs in namespaces of its own: a network with nothing but what is made here; /etc, /usr, /var/lib and the
build, whose changes are thrown away; all else read-only. The programs are installed there, the daemon runs as the
user jkpylon, with a simulated battery, meter and inverter and a broker. "sudo" and "editor" are played.

usage: test_commands.py [--list | --self-test]     --list: the commands and what becomes of them
Environment: JKP_SOURCE_DIR, JKP_BUILD_DIR; JKP_SLOW=1 for builds that are slow
"""

import collections
import datetime
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
ROOT = pathlib.Path(os.environ.get("JKP_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("JKP_BUILD_DIR", ROOT / "build/dev"))
SLOW = 4 if os.environ.get("JKP_SLOW") == "1" else 1
INSIDE = "JKP_COMMANDS_INSIDE"
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "systemd/guide").glob("*.md"))]
DONE = {}
PROGRAMS = {"jkpylond": "rt/jkpylond", **{f"jkpylon-{n}": f"tools/jkpylon-{n}"
                                      for n in ("canview", "probe", "replay", "rtstat", "sim")},
            "jkpylon-acceptance": ROOT / "tools/acceptance"}

# What a command may need, as the text says it.
NEEDS = ("a running systemd", "the package", "a Raspberry Pi", "a Raspberry Pi with Debian",
         "a Raspberry Pi with the service running", "an SD card and an image", "a CAN HAT", "an FTDI adapter",
         "the adapter", "a broker", "an account at the portal", "a board", "a key",
         "a release")
# What something else runs, and what that is.
ELSEWHERE = {
    r"^tools/check": "the whole check, of which this is a part",
    r"^sudo \.ci/matrix": "tools/check in roots of other releases",
    r"^(sudo )?tools/package": "stages package and lab of tools/check",
    r"^tools/demo": "stage demo of tools/check runs it with --once",
    r"^(?:sudo )?jkpylon-probe (?:all|setup)(?: +#|$)": "system_probe_setup runs them, with answers and without devices",
    r"^(?:sudo )?jkpylon-acceptance": "system_acceptance",
    r"^JKPYLON_WORKER=\S+ \S+bench_e2e ": "a test of its own, bench_e2e_smoke",
}
# Names of devices and times of a real installation, and what they are here.
HERE = (
    (r"probe can can0", "probe can unix:/run/jkpylon/bus -t 2"),  # or it listens for 5 s
    (r"probe sma eth0", "probe sma eth0 -t 2"),
    (r"/dev/serial/by-id/\S+", "$T/bms"),
    (r"\b(can0|hat0)\b", "unix:/run/jkpylon/bus"),
    (r"--for 10min", "--for 1s"),  # or it takes that long
    (r"/var/lib/prometheus/node-exporter/", "$T/"),  # a folder of another package
    (r"\b14:03\b", "$NOW"),  # of this recording
    (r"\bFILE\b", "/run/jkpylon/ring"),
)
# When a command is possible: before there is anything, before the daemon has the BMS, when there is a record
# of some time; else beside the daemon.
PHASES = {
    "setup": re.compile(r"cmake --install|^sudo systemd-|^sudo install |\beditor\b"),
    "first": re.compile(r"probe bms|--explain|--dry-run"),
    "last": re.compile(r"jkpylon-replay"),
}
# They go on until they are ended; here after so many seconds, and must have said something by then.
ENDLESS = {r"--dry-run": 1.5, r"canview can0": 1.2, r"^jkpylon-rtstat .*--every": 1, r"^mosquitto_sub": 1}
# Exit codes other than 0 that are no fault of the text.
ALSO = {
    r"^jkpylon-rtstat .*-w ": (2,),  # a machine that is busy does not keep 1 ms
    r"^jkpylon-replay --list": (2,),  # nothing was kept yet, and it says so
}

# A password is what an editor would put there.
PLAYED = {"sudo": 'if [ "$1" = -u ]; then\n'
                  'exec setpriv --reuid "$2" --regid "$2" --init-groups env "PATH=$PATH" sh -c \'shift 2; exec "$@"\' sh "$@"\n'
                  'fi\nexec "$@"\n',
          "editor": 'case $1 in */mqtt) echo secret >"$1" ;; esac\n'}
MQTT = "[mqtt]\nhost = 192.168.1.5\nuser = jkpylon\npassword_file = /etc/jkpylon/mqtt\n"

Command = collections.namedtuple("Command", "page line text needs")
MARK = re.compile(r"(?:^|\s)# needs ([^:]+?)(?::.*)?$")


def blocks(text):
    """(first line, language, lines); an indented block is "sh", a fence without a word "text"."""
    fence = lang = None
    body, start, before = [], 0, ""
    for number, line in enumerate(text.split("\n") + [""], 1):
        if fence is None and (m := re.match(r" {0,3}(```+)(\w*)", line)):
            if body:
                yield start, "sh", body
            fence, lang, body, start = m.group(1), m.group(2) or "text", [], number + 1
        elif fence is not None and line.strip() == fence:
            yield start, lang, body
            fence, body = None, []
        elif fence is not None or (line.startswith("    ") and (body or not before.strip())):
            start = start if body or fence else number
            body.append(line)
        elif body:
            yield start, "sh", body
            body = []
        before = line


def commands_of(page, text):
    found, broken = [], []
    for start, lang, lines in blocks(text):
        if lang not in ("sh", "console"):
            continue
        rest = None
        for number, line in enumerate(lines, start):
            line = line.strip()
            if lang == "console":
                if not line.startswith("$ "):
                    continue
                line = line[2:]
            m = MARK.search(line)
            if line.startswith("#"):
                rest = m.group(1) if m else rest
            elif line:
                found.append(Command(page, number, line, m.group(1) if m else rest))
    for m in re.finditer(r"`(sudo [^`]+)`(?: *[^.;`]*?\(needs ([^;):]+))?", prose(text)):
        found.append(Command(page, text[:m.start()].count("\n") + 1, " ".join(m.group(1).split()),
                             " ".join(m.group(2).split()) if m.group(2) else None))
    for c in found:
        if c.needs is not None and c.needs not in NEEDS:
            broken.append(f"{c.page}:{c.line}: nobody knows what \"needs {c.needs}\" is: one of {NEEDS}")
    return found, broken


def prose(text):
    """The text without its fenced blocks, as long as before."""
    return re.sub(r"(?ms)^```.*?^```$", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def mentions_of(page, text):
    """Inline code that begins with a program of ours and says more than its name."""
    names = "|".join(map(re.escape, PROGRAMS))
    for m in re.finditer(rf"`((?:{names}) [^`\n]+)`", prose(text)):
        yield Command(page, text[:m.start()].count("\n") + 1, m.group(1), None)


def helps():
    """program -> text of its --help, those of its parts included"""
    text = {}
    for name, path in PROGRAMS.items():
        parts = [[]] + ([["sma"], ["goodwe"], ["sems"], ["house"]] if name == "jkpylon-sim" else [])
        text[name] = "\n".join(subprocess.run([BUILD / path, *p, "--help"], capture_output=True, text=True,
                                              timeout=20, check=True).stdout for p in parts)
    return text


def wrong_words(command, text_of):
    """Options and parts of programs of ours that are not in their --help."""
    wrong = []
    for words in re.split(r"[|;&]+", re.sub(r"(^|\s)#.*$", "", command.text)):
        words = [w for w in words.split() if w not in ("sudo", "-u", "jkpylon") and "=" not in w]
        at = next((i for i, w in enumerate(words) if w in PROGRAMS), None)
        if at is None or at + 1 >= len(words) or (at > 0 and words[0] != "setpriv"):
            continue
        help_text = text_of[words[at]]
        for word in words[at + 1:]:
            option = re.match(r"--?[a-zA-Z][\w-]*", word)
            if option and not re.search(rf"(?<![\w-]){re.escape(option.group(0))}(?![\w-])", help_text):
                wrong.append(f"{command.page}:{command.line}: {words[at]} has no {option.group(0)}")
        part = words[at + 1]
        if words[at] in ("jkpylon-probe", "jkpylon-sim") and not part.startswith("-") and not re.search(
                rf"{words[at]} {re.escape(part)}\b", help_text):
            wrong.append(f"{command.page}:{command.line}: {words[at]} has no {part}")
    return wrong


def syntax(command):
    done = subprocess.run(["bash", "-n", "-c", command.text], capture_output=True, text=True, check=False)
    return [f"{command.page}:{command.line}: {done.stderr.strip()}"] if done.returncode else []


def elsewhere(command):
    return next((why for pattern, why in ELSEWHERE.items() if re.search(pattern, command.text)), None)


# ---- inside -----------------------------------------------------------------------------------

def sh(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=20)


def make_world(t):
    """Mounts and addresses. What is not below t, /etc, /var/lib or /run cannot be written."""
    sh("mount", "--make-rprivate", "/")
    sh("mount", "-t", "tmpfs", "tmpfs", t)
    os.chmod(t, 0o755)
    for place in ("/etc", "/usr", "/var/lib", str(BUILD)):
        upper, work = f"{t}/upper{place}", f"{t}/over{place}"
        os.makedirs(upper)
        os.makedirs(work)
        sh("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", place)
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    sh("mount", "-o", "remount,bind,ro", "/")
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0")
    sh("ip", "link", "set", "far0", "up")
    for address in ("192.168.1.2/24", "192.168.1.5/24", "192.168.1.20/24"):
        sh("ip", "address", "add", address, "dev", "eth0")
    sh("ip", "link", "set", "eth0", "up")
    os.makedirs("/etc/jkpylon", exist_ok=True)
    for secret in ("sems", "ca.crt"):
        with open(f"/etc/jkpylon/{secret}", "w", encoding="ascii") as f:
            os.chmod(f.name, 0o600)
            f.write("somebody\nsecret\n")
    # The clone: what is named in the text is where it says.
    os.makedirs(f"{t}/clone/build")
    for entry in ROOT.iterdir():
        if entry.name != "build":
            os.symlink(entry, f"{t}/clone/{entry.name}")
    for name in ("dev", "release"):
        os.symlink(BUILD, f"{t}/clone/build/{name}")
    sh("cmake", "-DCMAKE_INSTALL_PREFIX=/usr", str(BUILD))
    os.makedirs(f"{t}/bin")
    os.makedirs(f"{t}/tmp")
    for name, text in PLAYED.items():
        with open(f"{t}/bin/{name}", "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n" + text)
            os.chmod(f.name, 0o755)
    os.environ.update(T=t, LC_ALL="C.UTF-8", TMPDIR=f"{t}/tmp",
                      PATH=f"{t}/bin:/usr/sbin:/usr/bin:/sbin:/bin:{os.environ['PATH']}")
    os.chdir(f"{t}/clone")
    write_config("/etc/jkpylon/jkpylon.conf", t, MQTT)


def start_broker(t):
    sh("mosquitto_passwd", "-b", "-c", f"{t}/passwords", "jkpylon", "secret")
    os.chmod(f"{t}/passwords", 0o644)
    pathlib.Path(f"{t}/broker.conf").write_text(f"listener 1883 192.168.1.5\npassword_file {t}/passwords\n"
                                                "allow_anonymous false\n", encoding="ascii")
    return start(t, "broker", "mosquitto", "-c", f"{t}/broker.conf")


def write_config(path, t, text):
    """The settings of the text; what every file needs is added where it lacks."""
    for section, line in (("bms", f"device = {t}/bms"), ("can", "interface = unix:/run/jkpylon/bus"), ("can", "manage = no"),
                          ("rt", "required = no")):
        key = line.split()[0]
        inside = re.search(rf"(?ms)^\[{section}\]\n(.*?)(?=^\[|\Z)", text)
        if inside is None:
            text += f"\n[{section}]\n{line}\n"
        elif not re.search(rf"(?m)^{key}\s*=", inside.group(1)):
            text = text.replace(f"[{section}]\n", f"[{section}]\n{line}\n", 1)
    pathlib.Path(path).write_text(text, encoding="utf-8")


def start(t, name, *words):
    with open(f"{t}/{name}.log", "w", encoding="utf-8") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def wait_for(what, seconds, text):
    end = time.monotonic() + seconds * SLOW
    while not what():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {text()}")
        time.sleep(0.02)


def run(command):
    """Return: None, or what went wrong. The same text is run once."""
    text = re.sub(r"\s+#.*$", "", command.text)
    if text not in DONE:
        DONE[text] = run_text(command, text)
    return DONE[text]


# The recorder writes every 3 s what happened; on a busy machine a little later.
RECORDED_S = 6


def run_text(command, text):
    for pattern, here in HERE:
        text = re.sub(pattern, here, text)
    os.environ["NOW"] = (datetime.datetime.now() - datetime.timedelta(seconds=2)).strftime("%H:%M:%S")
    if "$NOW" in text:
        time.sleep(RECORDED_S)
    limit = next((s for p, s in ENDLESS.items() if re.search(p, command.text)), None)
    with subprocess.Popen(["bash", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as p:
        ended = False
        try:
            out = p.communicate(timeout=limit or 20 * SLOW)[0]
        except subprocess.TimeoutExpired:
            ended = True
            os.killpg(p.pid, signal.SIGINT)
            try:
                out = p.communicate(timeout=5 * SLOW)[0]
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                out = p.communicate()[0] + "it does not end by Ctrl-C\n"
                limit = None
    allowed = (0, *next((codes for p_, codes in ALSO.items() if re.search(p_, command.text)), ()))
    said = f"{text}\n{out[-1500:]}"
    if ended and limit is None:
        return f"takes longer than 20 s: {said}"
    if ended:
        return None if out.strip() or "-o " in text else f"says nothing: {said}"
    return None if p.returncode in allowed else f"exit status {p.returncode}: {said}"


def run_all(commands, settings, t):
    failed, phase = [], {"setup": [], "first": [], "late": [], "last": []}

    def go(name):
        for c in phase[name]:
            began = time.monotonic()
            why = run(c)
            if os.environ.get("JKP_TIMES"):
                print(f"{time.monotonic() - began:6.2f} s  {c.text}")
            if why:
                failed.append(f"{c.page}:{c.line}: {why}")

    for c in commands:
        phase[next((n for n, p in PHASES.items() if p.search(c.text)), "late")].append(c)
    make_world(t)
    go("setup")
    helpers = [start(t, "sim", "jkpylon-sim", "--bms", f"{t}/bms", "--inverter", "unix:/run/jkpylon/bus", "--sun",
                     "2500", "--load", "700", "--control", f"unix:{t}/control"),
               start(t, "goodwe", "jkpylon-sim", "goodwe", "--listen", "192.168.1.20"),
               start(t, "meter", "jkpylon-sim", "sma", "--interface", "far0", "--serial", "1900202586",
                     "--address", "192.168.1.2", "--to", "192.168.1.2"), start_broker(t)]
    wait_for(lambda: os.path.exists(f"{t}/bms"), 5, lambda: pathlib.Path(f"{t}/sim.log").read_text())
    os.chmod(f"{t}/bms", 0o666)
    for page, line, text in settings:
        write_config(f"{t}/block.conf", t, text)
        done = subprocess.run(["jkpylond", "--config", f"{t}/block.conf", "--check"], capture_output=True, text=True,
                              timeout=20, check=False)
        if done.returncode:
            failed.append(f"{page}:{line}: {done.stderr.strip()}")
    go("first")
    daemon = start(t, "daemon", "setpriv", "--reuid", "jkpylon", "--regid", "jkpylon", "--init-groups", "jkpylond")
    log = pathlib.Path(f"{t}/daemon.log")
    wait_for(lambda: "ladder: run" in log.read_text() and "connected to the broker" in log.read_text(), 10,
             log.read_text)
    go("late")
    time.sleep(2)  # so that there is something to look back at
    go("last")
    if daemon.poll() is not None:
        failed.append("the daemon did not outlive them: " + log.read_text()[-800:])
    daemon.terminate()
    daemon.wait(10)
    for h in helpers:
        h.kill()
        h.wait()
    return failed


# ---- outside ----------------------------------------------------------------------------------

def enter():
    """The same program once more, in namespaces of its own."""
    with tempfile.TemporaryDirectory(prefix="jkp-commands.") as t:
        env = {**os.environ, INSIDE: t}
        words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None or subprocess.run(
                [*words, "sh", "-ec", "mount --make-rprivate /; ip link add eth0 type veth peer name far0"],
                capture_output=True, check=False).returncode:
            print("needs root, unshare and ip: it runs in namespaces of its own, and / must be a mount")
            return SKIP
        return subprocess.run([*words, sys.executable, __file__, *sys.argv[1:]], env=env, check=False).returncode


SAMPLE = """
# A

text `sudo a b` and `sudo c d` (needs a broker), `jkpylond --check`, `plain`

    first            # what for
    second           # needs a CAN HAT: why

* item

  text that goes on
    and on

```text
    picture
```

```sh
one
# needs nothing that is known
two
```

```console
$ three
output
```
"""


def self_test():
    found, broken = commands_of("p", SAMPLE)
    got = [(c.text.split("  ")[0], c.needs) for c in found]
    want = [("first", None), ("second", "a CAN HAT"), ("one", None), ("two", "nothing that is known"), ("three", None),
            ("sudo a b", None), ("sudo c d", "a broker")]
    text_of = {"jkpylond": "--check", "jkpylon-probe": "jkpylon-probe bms [--hex]"}
    bad = [w for text in ("jkpylond --chek", "sudo jkpylon-probe bmx", "jkpylon-probe bms --hex | grep -n x")
           for w in wrong_words(Command("p", 1, text, None), text_of)]
    good = (got == want and len(broken) == 1 and len(bad) == 2 and
            [c.text for c in mentions_of("p", SAMPLE)] == ["jkpylond --check"] and
            syntax(Command("p", 1, "echo 'x", None)) and not syntax(Command("p", 1, "echo x", None)))
    print("self test: " + ("good" if good else f"NOT: {got} {broken} {bad}"))
    return 0 if good else 1


def main():
    if "--self-test" in sys.argv:
        return self_test()
    commands, settings, failed, mentions = [], [], [], []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found, broken = commands_of(page, text)
        commands += found
        failed += broken
        mentions += mentions_of(page, text)
        settings += [(page, start_, "\n".join(lines) + "\n") for start_, lang, lines in blocks(text) if lang == "ini"]
    runs = [c for c in commands if c.needs is None and not elsewhere(c)]
    if "--list" in sys.argv:
        for c in commands:
            print(f"{c.page}:{c.line}: {c.text}\n    " + (f"needs {c.needs}" if c.needs else elsewhere(c) or "is run"))
        return 0
    if INSIDE not in os.environ:
        return enter()
    text_of = helps()
    for c in commands + mentions:
        failed += wrong_words(c, text_of)
    for c in commands:
        failed += syntax(c)
    failed += run_all(runs, settings, os.environ[INSIDE])
    if len(runs) < 25 or len(settings) < 10:
        failed.append(f"only {len(runs)} commands and {len(settings)} settings were found: is the text read?")
    print("\n".join(failed))
    needs = collections.Counter(c.needs for c in commands if c.needs)
    print(f"{len(commands)} commands: {len(runs)} run, {sum(needs.values())} marked with what they need "
          f"({', '.join(f'{n} {k}' for k, n in needs.most_common())}), "
          f"{sum(elsewhere(c) is not None for c in commands if c.needs is None)} run elsewhere; "
          f"{len(mentions)} mentions and {len(settings)} settings checked; {len(failed)} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
