# SPDX-License-Identifier: Apache-2.0
"""The package's life on a Debian that has never seen it. The relay is on a line that keeps its level
when its holder dies: whoever removes the service has to open it."""
TITLE = "package: installed, started, upgraded, refused settings, removed, installed again, purged"
MACHINE = "package"
SECONDS = 400

import shutil
import subprocess
import time

from bench import IDS, check, limits
from relay import KEEPS, Relay
from service import CONFIG, journal, show, write

RELAY = {"failsafe_relay": f"labgpio:{KEEPS}", "failsafe_open_time": "1s", "can_manage": "yes"}
NEW, OLD = "/host/jkpylon.deb", "/host/old.deb"
POLICY = "/usr/sbin/policy-rc.d"
SHARE = "/usr/share/jkpylon"
OBSOLETE = "usr/share/jkpylon/obsolete"
# As apt does it where nobody can be asked.
KEEP = "--force-confdef --force-confold"
START = "jkpylond --check && systemctl enable --now jkpylond"
HINT = "jkpylond is not started. Edit"
UNREAD = tuple(f"/usr/share/{name}" for name in ("doc", "man", "lintian"))
# The file system that lasts, without what dpkg, the service manager and the log keep for themselves.
EVERYTHING = ("find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache "
              "-o -path /var/lib/systemd -o -path /var/tmp -o -path /tmp \\) -prune -o -print | sort")
# What stays for good: the user and its groups, with the copies that are made when they change.
STAYS = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock"}


def make_old(lab):
    """The version before: the same programs, a file that has since gone, another file of settings."""
    share = lab.dir / "share"
    tree = lab.dir / "old"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", str(share / "jkpylon.deb"), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    text = control.read_text(encoding="utf-8")
    check("-1~deb" in text, text)
    control.write_text(text.replace("-1~deb", "-0~deb"), encoding="utf-8")
    (tree / OBSOLETE).write_text("obsolete\n", encoding="utf-8")
    for name in ("etc/jkpylon/jkpylon.conf", "usr/share/jkpylon/jkpylon.conf"):
        with open(tree / name, "a", encoding="utf-8") as f:
            f.write("# as it was then\n")
    subprocess.run(["dpkg-deb", "-b", "-Znone", "--root-owner-group", str(tree),
                    str(share / "old.deb")], check=True, stdout=subprocess.DEVNULL)


def dpkg(lab, words):
    answer = lab.run(f"DEBIAN_FRONTEND=noninteractive dpkg {words} </dev/null", timeout=90)
    check("warning" not in answer["out"], f"dpkg {words}:\n{answer['out']}")
    return answer


def sound(lab):
    """dpkg and apt have nothing to say."""
    check(lab.out("dpkg --audit") == "", "dpkg --audit")
    lab.run("apt-get -q check")


def processes(lab):
    return lab.out("pidof jkpylond jkpylon-worker jkpylon-state || true")


def asleep(lab, text):
    check(show(lab, "ActiveState") == "inactive", f"{text}: {show(lab, 'ActiveState')}")
    check(not processes(lab), f"{text}: {processes(lab)}")


def runs(lab, since):
    lab.wait_limits(lambda c, d: d > 0, 30, "limits above 0 A", since)
    check(show(lab, "ActiveState") == "active", journal(lab))
    check({f.id for f in lab.frames(since=since)} >= set(IDS), "six kinds of frames")


def install(lab):
    answer = dpkg(lab, f"-i {OLD}")
    check(HINT in answer["out"], f"it says what to do next:\n{answer['out']}")
    asleep(lab, "nobody has edited the file yet")
    check(lab.run("systemctl -q is-enabled jkpylond", check=False)["rc"] != 0, "enabled")
    sound(lab)
    check({"dialout", "gpio"} <= set(lab.out("id -nG jkpylon").split()), "groups of the user")
    check("nologin" in lab.out("getent passwd jkpylon"), "nobody logs in by that name")
    state = lab.out("stat -c '%U %a' /var/lib/jkpylon /dev/cpu_dma_latency")
    check(state.split() == ["jkpylon", "750", "root", "660"], f"folder and device: {state}")
    latency = lab.out("cat /sys/bus/usb-serial/devices/ttyUSB*/latency_timer")
    check(latency == "1", f"latency timer of the adapter that was there before: {latency} ms")
    lab.note(f"dpkg -i {answer['end'] - answer['begin']:.1f} s")


def start(lab, relay):
    begin = time.monotonic()
    answer = lab.run(START, timeout=40)
    runs(lab, answer["begin"])
    relay.closed(KEEPS, begin)
    lab.note(f"first frame {lab.frames(since=answer['begin'])[0].t - answer['begin']:.2f} s after "
             "systemctl enable --now")


def upgrade(lab, relay):
    before, text = show(lab, "MainPID"), lab.out(f"sha256sum {CONFIG}")
    t0 = time.monotonic()
    answer = dpkg(lab, f"-i {KEEP} {NEW}")
    low = relay.gpio.wait(KEEPS, 0, t0)
    runs(lab, answer["end"])
    relay.closed(KEEPS, low)
    check(show(lab, "MainPID") not in (before, "0"), "the old program runs on")
    check(lab.out(f"sha256sum {CONFIG}") == text, "what was edited is kept")
    check(lab.run(f"[ -e /{OBSOLETE} ]", check=False)["rc"], "a file of the old version stays")
    check("-1~deb" in lab.out("dpkg-query -W jkpylon"), "version")
    # Only the edited file differs from the package; this guest leaves out what is to be read.
    other = [line.split()[1:] for line in lab.run("dpkg -V jkpylon", check=False)["out"].splitlines()
             if not (line.startswith("missing") and any(part in line for part in UNREAD))]
    check(other == [["c", CONFIG]], f"dpkg -V: {other}")
    sound(lab)
    times = [f.t for f in lab.frames(0x351, answer["begin"] - 1.5)]
    lab.note(f"upgrade {answer['end'] - answer['begin']:.1f} s, longest gap on the bus "
             f"{max(b - a for a, b in zip(times, times[1:])):.1f} s")


def refused(lab, relay):
    """A version that does not take the settings as they are: better the old one than none."""
    before = show(lab, "MainPID")
    lab.run(f"cp {CONFIG} /run/lab/good; echo 'no_such_key = 1' >>{CONFIG}")
    t0 = time.monotonic()
    said = dpkg(lab, f"-i {KEEP} {NEW}")["out"]
    check("runs on: this version refuses" in said and f"{CONFIG}:" in said, said)
    check(show(lab, "MainPID") == before, "it is restarted into an error")
    relay.steady(KEEPS, 1, 1, t0, "refused settings")
    lab.run(f"cp /run/lab/good {CONFIG}")


def gone(lab, relay, words):
    t0 = time.monotonic()
    answer = dpkg(lab, words)
    relay.gpio.wait(KEEPS, 0, t0)
    check(not processes(lab), f"dpkg {words}: {processes(lab)}")
    last = lab.last_frames(answer["begin"])
    check(limits(last[0x351]) == (0, 0) and last[0x35C].data[0] & 0xC0 == 0,
          f"dpkg {words}: last frames {last}")
    lab.sleep(1)
    check(relay.lines.level(KEEPS) == 0, f"dpkg {words}: the relay closes again")
    check(lab.out("systemctl show -P LoadState jkpylond") == "not-found", "unit")
    check(lab.out("ls /dev/null $(command -v jkpylond jkpylon-sim) /usr/libexec/jkpylon 2>&1 "
                  "| grep -c ^/") == "1", "programs stay")
    sound(lab)
    lab.note(f"dpkg {words}: {answer['end'] - answer['begin']:.1f} s")


def purged(lab, before):
    more = set(lab.out(EVERYTHING).splitlines()) - before
    check(more <= STAYS, f"purge leaves {sorted(more - STAYS)}")
    check(lab.run("dpkg -s jkpylon", check=False)["rc"] != 0, "dpkg knows it still")
    lab.run("getent passwd jkpylon && ! [ -e /run/jkpylon ]")


def run(lab):
    if not (lab.dir / "share/jkpylon.deb").exists():
        raise Skip("a product of --build is no package")
    make_old(lab)
    before = set(lab.out(EVERYTHING).splitlines())
    check(not any("jkpylon" in path for path in before), "the system is not clean")
    lab.start_node()
    install(lab)
    write(lab, **RELAY)
    relay = Relay(lab)
    start(lab, relay)
    upgrade(lab, relay)
    refused(lab, relay)
    gone(lab, relay, "-r jkpylon")
    lab.run(f"[ -s {CONFIG} ] && [ -s /var/lib/jkpylon/state ]")

    # Installed again it waits to be told; purged it is gone with everything.
    check(HINT in dpkg(lab, f"-i {KEEP} {NEW}")["out"], "installed again it starts")
    asleep(lab, "installed again")
    start(lab, relay)
    gone(lab, relay, "-P jkpylon")
    purged(lab, before)

    # Settings that were there first: an image, or an installation from source.
    lab.run("mkdir -p /etc/jkpylon")
    write(lab, **RELAY)
    answer = dpkg(lab, f"-i {KEEP} {NEW}")
    check(HINT not in answer["out"], answer["out"])
    runs(lab, answer["begin"])
    check(lab.out("systemctl is-enabled jkpylond") == "enabled", "enabled with settings of its own")
    # Who forbids packages to start and stop services does not want one that nobody can stop.
    lab.run(f"printf '#!/bin/sh\nexit 101\n' >{POLICY}; chmod 755 {POLICY}")
    gone(lab, relay, "-P jkpylon")
    lab.run(f"rm {POLICY}")
    purged(lab, before)

    # An installation from source of another version, its settings as they came.
    lab.run(f"mkdir -p /etc/jkpylon {SHARE}; dpkg-deb --fsys-tarfile {OLD} | "
            f"tar -xO ./{CONFIG.lstrip('/')} | tee {CONFIG} >{SHARE}/jkpylon.conf")
    answer = dpkg(lab, f"-i {KEEP} {NEW}")
    check(HINT in answer["out"], f"settings that nobody has edited:\n{answer['out']}")
    asleep(lab, "settings that nobody has edited")
    dpkg(lab, "-P jkpylon")
    purged(lab, before)
