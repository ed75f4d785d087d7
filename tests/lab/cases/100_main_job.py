# SPDX-License-Identifier: Apache-2.0
"""The main job on real SocketCAN: battery behind an FTDI adapter, inverter on the bus."""
TITLE = "main job: link set up, six frames, cell raised, orderly stop"
MACHINE = "bench"
SECONDS = 90

import signal
import statistics

import canutils
from bench import IDS, check, limits

# The simulated pack: 16 cells of 110 Ah, 52.28 V, 0 A, 22 and 21 degrees, SoC 60 %. Bytes by the
# layout of the protocol (little endian; 0.1 V, 0.1 A, 0.01 V, 0.1 degrees), not by our encoder.
GOLDEN = {
    # no alarm, no warning, one module, "PN"
    0x359: "00000000" "01" "504e",
    # 16 x 3.43 V (20 mV below the over-voltage protection of the BMS), 45 A (0.9 x its 50 A of
    # over-current protection), 55 A (0.5 x 110 Ah), 16 x 3.0 V
    0x351: "2402" "c201" "2602" "e001",
    # 60 %, health 100 %
    0x355: "3c00" "6400",
    # charge and discharge enabled
    0x35C: "c000",
    0x35E: b"PYLON   ".hex(),
}
# The same in words, as jkpylon-canview has to put it.
IN_WORDS = ("no alarm; 1 module", "CVL 54.8 V  CCL 45.0 A  DCL 55.0 A  DVL 48.0 V",
            "SoC 60 %  SoH 100 %", "charge on, discharge on", 'name "PYLON   "')
PERIOD_S = 1.0
SLOT_S = 0.010


def set_starts(frames):
    return [i for i, f in enumerate(frames) if f.id == IDS[0]]


def check_sets(frames):
    """Order and spacing of complete sets; falling limits may stand between them."""
    starts = set_starts(frames)
    gaps, periods = [], []
    for a, b in zip(starts, starts[1:]):
        one = frames[a:b]
        check(tuple(f.id for f in one) == IDS, f"order {[hex(f.id) for f in one]}")
        gaps += [y.t - x.t for x, y in zip(one, one[1:])]
        periods.append(frames[b].t - frames[a].t)
    gap, period = statistics.median(gaps), statistics.median(periods)
    check(abs(gap - SLOT_S) < 0.003, f"median gap between frames {gap * 1e3:.1f} ms, not 10 ms")
    check(abs(period - PERIOD_S) < 0.01, f"median period {period:.3f} s, not 1 s")
    return gap, period


def check_log(lab, heard, settled):
    """candump beside the inverter has logged what the node heard, `settled` golden sets with it, and
    all tools read it."""
    log = canutils.end_log(lab)
    frames = canutils.check_tools(lab, log, "can1")
    ours = [f for f in frames if int(f[0], 16) in IDS]
    canutils.same("candump", ours, [(f"{f.id:X}", f.data.hex().upper()) for f in heard])
    golden = [(f"{i:X}", GOLDEN[i].upper()) for i in IDS if i in GOLDEN]
    rest = [f for f in ours if int(f[0], 16) in GOLDEN]
    sets = sum(rest[i:i + len(golden)] == golden for i in range(len(rest)))
    check(sets >= settled, f"{sets} golden sets in the log of candump, {settled} are expected")
    words = lab.out(f"jkpylon-canview --lines {log}")
    check(len(words.splitlines()) == len(frames), "canview: a line for each frame")
    for text in IN_WORDS:
        check(words.count(text) >= settled, f"canview: \"{text}\" {words.count(text)} times")
    lab.note(f"candump: {len(frames)} frames, {sets} golden sets; the same through log2asc, asc2log, "
             "canplayer, canview")


def run(lab):
    check("state DOWN" in lab.out("ip link show can0"), "can0 is down before the start")
    lab.start_node()
    canutils.start_log(lab, "can1", "inv")
    begin = lab.start_daemon()
    first = lab.frames()[0]
    lab.note(f"start to first frame {first.t - begin:.2f} s")
    lab.figure("first_frame_s", round(first.t - begin, 3))
    link = lab.out("ip -d link show can0")
    check("bitrate 500000" in link and ",UP" in link, f"link set up by the daemon:\n{link}")
    check(limits(lab.frames(0x351)[0]) == (0, 0), "the first limits are 0 A")

    # Settled: the same set every second.
    since = lab.wait_limits(lambda c, d: (c, d) == (45, 55), 15, "45 A and 55 A").t
    lab.wait(lambda: len(lab.frames(IDS[0], since + 1)) >= 7, 15, "seven sets")
    frames = [f for f in lab.frames(since=since + 0.5) if f.id in IDS]
    frames = frames[set_starts(frames)[0]:]
    gap, period = check_sets(frames)
    lab.note(f"median gap {gap * 1e3:.2f} ms, median period {period * 1e3:.1f} ms")
    for ident, data in GOLDEN.items():
        said = {f.data.hex() for f in frames if f.id == ident}
        check(said == {data}, f"{ident:X}: {said}, golden {data}")
    settled = len(set_starts(frames)) - 1
    measured = {f.data.hex() for f in frames if f.id == 0x356}
    for data in measured:
        volt, ampere, celsius = (int.from_bytes(bytes.fromhex(data)[i:i + 2], "little", signed=True)
                                 for i in (0, 2, 4))
        check(abs(volt - 5228) <= 1 and ampere == 0 and 210 <= celsius <= 220, f"356: {data}")

    before = lab.now()
    lab.bms("cell 3 3.560")
    zero = lab.wait_limits(lambda c, d: c == 0, 3, "charge limit 0 A", before)
    lab.note(f"cell at 3.56 V to 0 A of charge {(zero.t - before) * 1e3:.0f} ms")
    check(limits(zero)[1] > 0, "discharging goes on")

    before = lab.now()
    lab.signal(signal.SIGTERM)
    check(lab.wait_end() == 0, f"exit status {lab.daemon()['rc']}")
    last = {f.id: f for f in lab.frames(since=before)}
    check(limits(last[0x351]) == (0, 0), f"last limits {limits(last[0x351])}")
    check(last[0x35C].data[0] & 0xC0 == 0, f"last enables {last[0x35C].data.hex()}")
    check("stopping: last frames say 0 A" in str(lab.log()), "the log tells it")
    check_log(lab, [f for f in lab.frames() if f.id in IDS], settled)
