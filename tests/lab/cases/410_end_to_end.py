# SPDX-License-Identifier: Apache-2.0
"""tests/bench/bench_e2e on a machine that does nothing else: the daemon on pty and bench bus. Time
is the number of instructions, so these are the figures of an idle machine on any host. 1000 events
with JKP_LONG=1 in the environment."""
TITLE = "realtime: last byte of the BMS to 0x351 with 0 A"
MACHINE = "icount"
SECONDS = 400

import json
import os

from bench import DAEMON, check

PROGRAM = "/host/bench_e2e"
EVENTS = 1000 if os.environ.get("JKP_LONG") == "1" else 500
PERIOD_US = 5000


def run(lab):
    said = lab.out(f"{PROGRAM} -j -n {EVENTS} {DAEMON} 2>/run/lab/e2e.log || "
                   "tail -n 12 /run/lab/e2e.log", timeout=4000)
    check(said.startswith("{"), f"bench_e2e: {said}")
    found = json.loads(said)
    lab.note(f"{found['events']} events, period {found['period_us'] / 1e3:.0f} ms: p50 "
             f"{found['p50_us'] / 1e3:.2f} ms, p99 {found['p99_us'] / 1e3:.2f} ms, max "
             f"{found['max_us'] / 1e3:.2f} ms; the wire would add "
             f"{(found['wire_reply_us'] + found['wire_frame_us']) / 1e3:.2f} ms")
    for name, value in found.items():
        lab.figure(name, value)
    check(found["repeated"] == 0, f"{found['repeated']} events took more than one reply")
    check(found["p99_us"] <= PERIOD_US + 1000, "99 % within a period and 1 ms")
