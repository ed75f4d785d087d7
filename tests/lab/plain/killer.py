#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends signals at once and says when: a shell takes a while to start in a guest.

A line "NUMBER PID" on its input; prints the time before it sent the signal. A negative PID is a
process group."""

import os
import sys
import time

print("ready", flush=True)
for line in sys.stdin:
    number, pid = map(int, line.split())
    t = time.monotonic()
    os.kill(pid, number)
    print(f"{t:.6f}", flush=True)
