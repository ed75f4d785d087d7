#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of the daemon: what is kept of a fault, of a worker that dies, of a disk that is
full, and what jkpylon-replay makes of it."""

import calendar
import os
import re
import signal
import struct
import subprocess
import sys
import time
import xml.dom.minidom
import zlib

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
        outside(path)
        clock(path)
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
        path.write_bytes(sealed(whole.replace(b"limits.charge_max=60A", b"limits.charge_max=6\x1bA")))
        r = replay("--verify", path)
        check(r.returncode == USAGE and "control characters" in r.stderr and "\x1b" not in r.stderr, r.stderr)


# Fields of struct record_head and struct record_block, see core/record_file.h.
HEAD, BLOCK = struct.Struct("<8s14I3q32s"), struct.Struct("<8I4q")
SUM, CONFIG_LEN, CONFIG_SUM, CONFIG_AT, BLOCKS_AT, WALL = 2, 9, 10, 11, 14, 17


def sealed(data, wall_ns=None):
    """The same with right sums, and with a clock time."""
    head = list(HEAD.unpack_from(data))
    config = data[head[CONFIG_AT]:][:head[CONFIG_LEN]]
    head[CONFIG_SUM] = zlib.crc32(config)
    if wall_ns is not None:
        head[WALL] = wall_ns
    head[SUM] = 0
    head[SUM] = zlib.crc32(HEAD.pack(*head))
    return HEAD.pack(*head) + data[HEAD.size:]


def blocks(data):
    """Of each: where it is, where the next one is, and its first and last moment in ns."""
    at = HEAD.unpack_from(data)[BLOCKS_AT]
    while at + BLOCK.size <= len(data):
        block = BLOCK.unpack_from(data, at)
        end = at + BLOCK.size + (block[3] + 7) // 8 * 8
        yield at, end, block[8], block[9]
        at = end


def outside(path):
    """A moment that the record does not have."""
    whole = path.read_bytes()
    all_of = list(blocks(whole))
    check(len(all_of) > 2, f"{len(all_of)} blocks")
    start_ns = all_of[0][2]
    at, _, first_ns, last_ns = all_of[1]
    middle = f"{(first_ns + last_ns) / 2e9 - start_ns / 1e9:.3f}"
    missing = "this moment is missing in the recording; the next one is:\n"
    check(missing not in replay("--why", middle, path).stdout, "it is there")
    check(replay("--why", "0", path).returncode == SAME, "the first moment is one of it")
    data = bytearray(whole)
    data[at + BLOCK.size] ^= 1
    path.write_bytes(data)
    for second, gone in ((middle, True), (f"{(first_ns - start_ns) / 1e9 - 1:.3f}", False),
                         (f"{(all_of[2][2] - start_ns) / 1e9 + 1:.3f}", False)):
        r = replay("--why", second, path)
        check(r.returncode == SAME and r.stdout.startswith(missing) == gone, f"{second}: {r.stdout}{r.stderr}")
    path.write_bytes(whole)


def clock(path):
    """By the clock: across a change of summer time, before the record, and with the ring before it."""
    whole = path.read_bytes()
    all_of = list(blocks(whole))
    first_ns, last_ns = all_of[0][2], all_of[-1][3]
    # It begins at 12:00:00 UTC.
    noon_ns = calendar.timegm((2026, 3, 29, 12, 0, 0)) * 10**9
    path.write_bytes(sealed(whole, noon_ns - first_ns))
    check((last_ns - first_ns) / 1e9 > 90, "long enough")

    def at(when, zone, file=path):
        return subprocess.run([REPLAY, "--why", when, str(file)], capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, "TZ": zone})

    wanted = at("12:00:45", "UTC0")
    check(wanted.returncode == SAME and "12:00:45.98" in wanted.stdout, wanted.stdout + wanted.stderr)
    # 29 March is day 87, counted from 0. An hour forward, and an hour back, at 12:01:00 UTC.
    forward, back = "AAA0BBB,87/12:01:00,300/3", "AAA0BBB,300/3,87/13:01:00"
    for when, zone in (("12:00:45", forward), ("13:00:45", back)):
        r = at(when, zone)
        check(r.returncode == SAME and r.stdout.startswith(f"2026-03-29 {when}.980, 45.98"),
              f"{zone}: {r.stdout}{r.stderr}")
    for when, zone in (("13:01:15", forward), ("12:01:15", back)):
        r = at(when, zone)
        check(r.returncode == SAME and r.stdout.startswith(f"2026-03-29 {when}.980, 75.98"),
              f"{zone}: {r.stdout}{r.stderr}")
    # What the clock skips was shown on the day before.
    r = at("12:01:15", forward)
    check(r.returncode == USAGE and r.stderr.count("lies before this recording") == 1, r.stderr)
    rings(path, noon_ns - first_ns)
    path.write_bytes(whole)


def rings(path, wall_ns):
    """Without a file: the ring of before is asked for what was before, and for nothing else."""
    data = path.read_bytes()
    old = path.with_suffix(".before")
    old.write_bytes(sealed(data, wall_ns - 3600 * 10**9))

    def asked(when, ring=path):
        script = ('mount -t tmpfs none /run && mkdir /run/jkpylon && cp "$2" /run/jkpylon/ring && '
                  'cp "$3" /run/jkpylon/ring.old && exec "$0" --why "$1"')
        unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
        return subprocess.run([*unshare, "sh", "-c", script, REPLAY, when, str(ring), str(old)],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "TZ": "UTC0"})

    r = asked("12:00:45")
    if "unshare" in r.stderr or "mount" in r.stderr:
        print("# without the ring of before: unshare --mount and mount need root or user namespaces")
        return
    check(r.returncode == SAME and "2026-03-29 12:00:45" in r.stdout, r.stdout + r.stderr)
    r = asked("11:00:45")
    check(r.returncode == SAME and "2026-03-29 11:00:45" in r.stdout and not r.stderr, r.stdout + r.stderr)
    r = asked("10:00")
    check(r.returncode == USAGE and r.stderr.count("\n") == 1 and "before" in r.stderr
          and ".old" not in r.stderr, r.stderr)
    for when, text in (("99999", "behind the end"), ("x", "expected hh:mm")):
        r = asked(when)
        check(r.returncode == USAGE and r.stderr.count("\n") == 1 and text in r.stderr, r.stderr)
    broken = path.with_suffix(".broken")
    broken.write_bytes(data[:100])
    r = asked("11:00:45", broken)
    check(r.returncode == USAGE and r.stderr.count("\n") == 1 and not r.stdout, r.stdout + r.stderr)


if __name__ == "__main__":
    sys.exit(main([
        test_FLT_01_fault_is_kept_and_its_replay_is_byte_identical,
        test_FLT_28_worker_killed_at_any_moment_leaves_a_record,
        test_FLT_52_folder_that_cannot_be_written_is_told_once,
        test_reload_keeps_the_ring_before_and_what_is_pending,
        test_reasons_in_words,
    ]))
