# SPDX-License-Identifier: Apache-2.0
"""The main job on the Raspberry Pi 2, armhf programs: battery behind one FTDI adapter, inverter
behind another that speaks slcan, both outside the guest; then the same on vcan."""
TITLE = "Raspberry Pi 2, main job: six frames at an inverter outside, cell raised, orderly stop"
MACHINE = "pi2"
SECONDS = 180

import importlib
import pathlib
import signal
import statistics
import sys

from arm import SLCAN, VCAN
from bench import IDS, check, limits

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# The same pack makes the same bytes on every processor.
GOLDEN = importlib.import_module("100_main_job").GOLDEN


def stop(lab):
    lab.signal(signal.SIGTERM)
    rc = lab.wait_end()
    check(rc == 0, f"exit status {rc}")


def run(lab):
    begin = lab.start_daemon()
    link = lab.out(f"ip -d link show {SLCAN}")
    check("bitrate 500000" in link and ",UP" in link, f"link set up by the daemon:\n{link}")
    check(lab.inverter.bitrate == 500000, f"adapter set to {lab.inverter.bitrate} bit/s")
    first = lab.outside()[0]
    lab.note(f"start to first frame outside {first.t - begin:.2f} s")
    check(limits(lab.outside(0x351)[0]) == (0, 0), "the first limits are 0 A")

    since = lab.wait_limits(lambda c, d: (c, d) == (45, 55), 20, "45 A and 55 A").t
    lab.wait(lambda: len(lab.outside(IDS[0], since + 1)) >= 6, 15, "six sets outside")
    frames = [f for f in lab.outside(since=since + 0.5)]
    starts = [i for i, f in enumerate(frames) if f.id == IDS[0]]
    for a, b in zip(starts, starts[1:]):
        order = tuple(f.id for f in frames[a:b])
        check(order == IDS, f"order {[hex(i) for i in order]}")
    for ident, data in GOLDEN.items():
        said = {f.data.hex() for f in frames if f.id == ident}
        check(said == {data}, f"{ident:X}: {said}, golden {data}")
    times = [frames[i].t for i in starts]
    period = statistics.median(b - a for a, b in zip(times, times[1:]))
    check(abs(period - 1) < 0.03, f"median period {period:.3f} s")
    check(not lab.inverter.garbage, f"no frame: {lab.inverter.garbage[:3]}")
    lab.wait_log("inverter answers", 5, begin)

    before = lab.now()
    lab.bms("cell 3 3.560")
    zero = lab.wait_limits(lambda c, d: c == 0, 3, "charge limit 0 A", before)
    lab.note(f"cell at 3.56 V to 0 A of charge {(zero.t - before) * 1e3:.0f} ms")
    check(limits(zero)[1] > 0, "discharging goes on")
    before = lab.now()
    stop(lab)
    lab.wait(lambda: any(limits(f) == (0, 0) for f in lab.outside(0x351, before)), 2,
             "last limits 0 A outside")
    last = {f.id: f for f in lab.outside(since=before)}
    check(limits(last[0x351]) == (0, 0), f"last limits {limits(last[0x351])}")
    check(last[0x35C].data[0] & 0xC0 == 0, f"last enables {last[0x35C].data.hex()}")

    lab.bms("heal")
    begin = lab.start_daemon(bus=VCAN)
    lab.wait(lambda: len(lab.frames(IDS[0], begin)) >= 4, 10, "four sets on vcan")
    check({f.id for f in lab.frames(since=begin)} == set(IDS), "six kinds of frames on vcan")
    stop(lab)
