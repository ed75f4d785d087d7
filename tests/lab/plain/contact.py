#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The auxiliary contact of a relay on a line of labgpio:  contact.py LINE [HOLD]

LINE, an input, gets the level that the daemon's output really has, as soon as this program sees it.
With HOLD, seconds, the relay hangs on a monostable: it is closed as long as edges come, and falls
HOLD after the last."""

import sys
import time

PULL = "/sys/module/labgpio/parameters/pull"
STATE = "/sys/kernel/debug/gpio"

mask = 1 << int(sys.argv[1])
hold = float(sys.argv[2]) if len(sys.argv) > 2 else None
before, edge, level = None, -1e9, None
print("ready", flush=True)
while True:
    with open(STATE, encoding="ascii") as f:
        lines = [line.split() for line in f if "|jkpylon " in line]
    now = any("out" in words and "hi" in words for words in lines)
    if now != before:
        # What it finds is no edge.
        edge = time.monotonic() if before is not None else edge
        before = now
    if hold is not None:
        now = time.monotonic() - edge < hold
    if now != level:
        level = now
        with open(PULL, "w", encoding="ascii") as f:
            f.write(str(mask if level else 0))
    time.sleep(0.01)
