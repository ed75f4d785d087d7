# SPDX-License-Identifier: Apache-2.0
"""As 400_latency, on ARM code and an ARM kernel; shorter, since a loaded second of this guest takes
six of the host. The guest has no stress-ng: hackbench, a program that only computes and one that
fills memory are its load. They are nice, so that what starts and stops programs here gets its turn;
to realtime threads that is all the same."""
TITLE = "ARM, realtime: wake-up against cyclictest, idle and loaded; page faults"
MACHINE = "icount-arm"
SECONDS = 600

import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
latency = importlib.import_module("400_latency")
latency.LOADS = (
    ("idle", "", 1.1),
    ("loaded", "exec nice -n 19 sh -c 'hackbench -l 100000000 -g 2 -f 4 >/dev/null 2>&1 & "
     "(while :; do :; done) & while :; do dd if=/dev/zero of=/tmp/x bs=64k count=200; done "
     "2>/dev/null'", 1.25))
run = latency.run
