#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of the daemon: what is kept of a fault, of a worker that dies, of a disk that is
full, and what jkpylon-replay makes of it."""

import os
import re
import signal
import subprocess
import sys
import time
import xml.dom.minidom

from daemon_bench import SLOW, Bench, check, limits, main, now, takes, wait_for, with_cell

REPLAY = os.environ["JKP_REPLAY"]
STORY = os.environ["JKP_STORY"]
SAME, USAGE, UNREADABLE, DIFFERS = 0, 1, 2, 3


def replay(*args):
    return subprocess.run([REPLAY, *map(str, args)], capture_output=True, text=True, timeout=60,
                          check=False)


def kept(b, what, seconds=10):
    """The one incident whose name contains what."""
    folder = b.dir / "incidents"

    def look():
        found = sorted(folder.glob(f"*{what}*.jkr")) if folder.exists() else []
        return found[-1] if found else None

    return wait_for(look, seconds * (3 if SLOW else 1), f"an incident: {what}")


def verified(path):
    r = replay("--verify", path)
    check(r.returncode == SAME, f"{path.name}: {r.stdout}{r.stderr}")
    return int(r.stdout.split()[0])


def quick(b, **changes):
    """Limits rise at once, and a fault is kept a second later."""
    keys = {"limits_rise": "60A/s", "limits_calm": "0s", "recorder_before": "10s",
            "recorder_after": "1s", "bms_trip": "5s"}
    return b.text(**{**keys, **changes})


@takes(16)
def test_FLT_01_fault_is_kept_and_its_replay_is_byte_identical():
    with Bench() as b:
        d = b.start_running(text=quick(b))
        good = b.bms.frame
        b.bms.frame = with_cell(good, 4, 3420)
        time.sleep(2)
        full = time.localtime(time.time() - 1)
        b.bms.frame = good
        time.sleep(1)
        b.bms.answers = False
        wait_for(lambda: "ladder: trip" in d.log(), 12, "the trip")
        path = kept(b, "-trip-bms-silent")
        b.bms.answers = True
        wait_for(lambda: "recorder: what happened around this is kept (bms-silent" in d.log(), 2,
                 "a word in the log")
        check(verified(path) > 1000, "some seconds of it")
        check(not list(path.parent.glob(".*")), "nothing unfinished")
        # What the node heard is what the core says again.
        said = re.findall(r"^[0-9.]+ (3[0-9A-F]{2}#[0-9A-F]*)$", replay(path).stdout, re.M)
        heard = "".join(f"{f.id:03X}#{f.data.hex().upper()}\n" for f in b.node.frames)
        check(len(said) > 30, f"{len(said)} frames")
        check("\n".join(said[3:-3]) in heard, "the very frames, in order")
        why(path, full)
        forms(path)
        # The ring itself, of a daemon that runs.
        check(verified(b.dir / "ring") > 1000, "the ring")


def why(path, full):
    """By the clock: the moment with a full cell."""
    r = replay("--why", time.strftime("%H:%M:%S", full), path)
    check(r.returncode == SAME, r.stderr)
    for text in ("Charging: 18.000 A", "Rule: cell-high", "limits.charge_by_cell_high", "The highest cell, number 4, has 3.420 V", "All rules on the newest sample"):
        check(text in r.stdout, f"{text!r} is missing:\n{r.stdout}")
    check(time.strftime("%Y-%m-%d %H:%M:%S", full) in r.stdout, r.stdout)
    for when in ("25:00", "x", "-1", "12:0x"):
        r = replay("--why", when, path)
        check(r.returncode == USAGE and "--why" in r.stderr, f"{when}: {r.stderr}")
    r = replay("--why", "99999", path)
    check(r.returncode == USAGE and "behind the end" in r.stderr, r.stderr)


def forms(path):
    """The other forms of it."""
    r = replay("--list", path.parent)
    check(re.search(rf"20\d\d-.*  trip  .*  bms-silent .* KiB  {path.name}", r.stdout), r.stdout)
    picture = path.with_suffix(".svg")
    check(replay("--svg", picture, path).returncode == SAME, "a picture")
    svg = xml.dom.minidom.parse(str(picture))
    texts = [t.firstChild.data for t in svg.getElementsByTagName("text") if t.firstChild]
    for text in ("highest cell", "charge limit", "ladder", "trip", "Cells, V"):
        check(text in texts, f"{text}: {texts}")
    check(len(svg.getElementsByTagName("polyline")) == 5, "five curves")
    picture.unlink()
    lines = replay("--csv", path).stdout.splitlines()
    check(len({line.count(",") for line in lines}) == 1 and len(lines) > 8, lines[:3])
    check(lines[0].startswith("seconds,time,step") and ",trip," in lines[-1] + lines[-2], lines[-1])
    dump = replay("--candump", path).stdout.splitlines()
    check(all(re.fullmatch(r"\(\d{10}\.\d{6}\) can0 [0-9A-F]{3}#([0-9A-F]{2}){0,8}", line)
              for line in dump) and any("305#" in line for line in dump), dump[:3])
    text = path.with_suffix(".trace")
    text.write_text(replay("--trace", path).stdout, encoding="ascii")
    check(replay(text).stdout == replay("--cold", path).stdout != "", "the same as a text trace")
    text.unlink()
    check(replay("--verify", "/dev/null").returncode == USAGE, "no record")


def test_FLT_28_worker_killed_at_any_moment_leaves_a_record():
    with Bench(again=True) as b:
        (b.dir / "relay").write_text("0", encoding="ascii")
        d = b.start_running(text=quick(b, failsafe_relay=f"file:{b.dir}/relay"))
        first = d.worker()
        time.sleep(0.37)
        os.kill(first, signal.SIGKILL)
        path = kept(b, "-worker-")
        check(verified(path) > 100, "what was recorded before")
        second = wait_for(lambda: d.worker() if d.worker() != first else None, 5, "the next worker")
        # While an incident is being written: the half of it is no incident.
        wait_for(lambda: "ladder: run" in d.log().split("worker ended")[-1], 10, "it runs again")
        b.bms.answers = False
        wait_for(lambda: "ladder: trip" in d.log(), 12, "the trip")
        folder = b.dir / "incidents"
        deadline = now() + 5
        while now() < deadline and not list(folder.glob(".*.tmp")) and not list(
                folder.glob("*-trip-*")):
            time.sleep(0.0005)
        os.kill(second, signal.SIGKILL)
        b.bms.answers = True
        wait_for(lambda: d.log().count("jkpylon 0") == 3, 5, "another worker")
        wait_for(lambda: not list(folder.glob(".*")), 8, "what is unfinished is removed")
        for incident in folder.glob("*.jkr"):
            verified(incident)
        verified(b.dir / "ring.old")


def test_FLT_52_folder_that_cannot_be_written_is_told_once():
    with Bench() as b:
        d = b.start_running(text=quick(b, recorder_incidents="/proc/jkpylon/incidents",
                                       can_expect_alive="never"))
        for _ in range(2):
            b.bms.answers = False
            wait_for(lambda: "ladder: stop" in d.lines[-1] or "recorder:" in d.log(), 12, "a stop")
            time.sleep(1.5)
            b.bms.answers = True
            sent = len(b.node.frames)
            wait_for(lambda n=sent: len(b.node.frames) > n + 6, 5, "the bus goes on")
            wait_for(lambda: "ladder: run" in d.log(), 12, "it runs")
        check(d.log().count("an incident cannot be kept") == 1, d.log())
        check("<3>recorder: an incident cannot be kept (errno 2" in d.log(), d.log())
        d.signal(signal.SIGTERM)
        d.wait(5)
    with Bench() as b:
        d = b.start_running(text=quick(b, recorder_ring="/nonexistent/ring"))
        check("recorder.ring=/nonexistent/ring: No such file" in d.log(), d.log())


def test_reload_keeps_the_ring_before_and_what_is_pending():
    with Bench(again=True) as b:
        d = b.start_running(text=quick(b, recorder_after="60s"))
        check(limits(b.node.of(0x351)[-1])[1] > 0, "it runs")
        time.sleep(1.2)
        d.signal(signal.SIGHUP)
        wait_for(lambda: (b.dir / "ring.old").exists(), 5, "the ring of before")
        wait_for(lambda: d.log().count("jkpylon 0") == 2, 5, "the next worker")
        check(verified(b.dir / "ring.old") > 200, "whole")
        time.sleep(1.2)
        check(not (b.dir / "incidents").exists(), "an orderly end is no incident")


def test_reasons_in_words():
    with Bench(node=False) as b:
        path = b.dir / "story.jkr"
        subprocess.run([STORY, str(path)], check=True, timeout=30)
        check(verified(path) == 6000, "all of it")
        for second, texts in (
                (45, ("Charging: 11.800 A", "Rule: cell-high", "number 4, has 3.462 V",
                      "limits.charge_by_cell_high allows 19.7 %", "3.450 V 25.0 %")),
                (55, ("Charging: 45.600 A", "Rule: temp-cold", "probe 1 says 8.0 C",
                      "limits.charge_by_cold")),
                (65, ("Discharging: 0.000 A", "Rule: soc-min", "below a state of charge of 20 %",
                      "The battery says 18 %")),
                (75, ("Charging: 10.000 A", "Rule: command", "charge with at most 10.000 A")),
                (85, ("Charging: 0.000 A", "Rule: interlock", "more than 1.200 A",
                      "battery -1000 W")),
                (92.3, ("Rule: caution", "was 2.5 s old", "bms.stale = 3.0 s")),
                (95, ("Rule: stop", "bms-silent", "was 5.2 s old", "bms.trip = 10.0 s")),
                (110, ("Rule: trip", "It answers again", "failsafe.open_time = 30.0 s"))):
            out = replay("--why", second, path).stdout
            for text in texts:
                check(text in out, f"{second}: {text!r} is missing:\n{out}")
        data = bytearray(path.read_bytes())
        whole = path.read_bytes()
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        r = replay(path)
        check(r.returncode == SAME and "lost steps" in r.stdout, "a broken block is left out")
        path.write_bytes(whole[:100])
        check(replay(path).returncode == USAGE, "cut off in its head")
        changed = whole.replace(b"limits.charge_max=60A", b"limits.charge_max=50A")
        path.write_bytes(changed)
        check("damaged" in replay("--verify", path).stderr, "settings have a sum")


if __name__ == "__main__":
    sys.exit(main([
        test_FLT_01_fault_is_kept_and_its_replay_is_byte_identical,
        test_FLT_28_worker_killed_at_any_moment_leaves_a_record,
        test_FLT_52_folder_that_cannot_be_written_is_told_once,
        test_reload_keeps_the_ring_before_and_what_is_pending,
        test_reasons_in_words,
    ]))
