#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Feeds a hardware watchdog twice a second:  feeder.py DEVICE TIMEOUT_S

Nothing but this feeds it: shows the watchdog alone."""

import fcntl
import os
import struct
import sys
import time

WDIOC_SETTIMEOUT = 0xC0045706

device = os.open(sys.argv[1], os.O_WRONLY)
timeout = bytearray(struct.pack("i", int(sys.argv[2])))
fcntl.ioctl(device, WDIOC_SETTIMEOUT, timeout)
print("timeout", struct.unpack("i", timeout)[0], flush=True)
while True:
    os.write(device, b".")
    time.sleep(0.5)
