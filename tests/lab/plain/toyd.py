#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service that holds one GPIO line at 1 and talks to systemd:  toyd.py COMMAND...

COMMAND holds the line; if it ends, so does this. SIGHUP: reads its (empty) settings again. SIGUSR1:
hangs, alive but deaf. Shows what systemd does with such a line, without the daemon."""

import os
import signal
import socket
import subprocess
import sys
import time


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        s.send(text.encode())


def reload(*_):
    tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    print("settings read again", flush=True)
    tell("READY=1")


def hang(*_):
    print("hangs", flush=True)
    while True:
        time.sleep(1000)


signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGUSR1, hang)
holder = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
tell("READY=1")
pause = int(os.environ["WATCHDOG_USEC"]) * 1e-6 / 4
while holder.poll() is None:
    tell("WATCHDOG=1")
    time.sleep(pause)
sys.exit(f"the holder of the line has ended with {holder.returncode}")
