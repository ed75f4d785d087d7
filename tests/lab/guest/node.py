#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A node on a CAN bus: an inverter that says 0x305 once a second and prints what it hears.

    node.py INTERFACE [silent]

Output, one line a frame:  rx SECONDS ID DATA   (time of the kernel's stamp in CLOCK_MONOTONIC)
Commands on the standard input:  alive on|off    send ID DATA    burst N GAP_US ID DATA
"""

import os
import select
import socket
import struct
import sys
import time

FRAME = struct.Struct("=IB3x8s")
SO_TIMESTAMPNS = 64  # the one with 64 bits of seconds on every machine
ALIVE = FRAME.pack(0x305, 8, bytes(8))


def open_bus(name):
    while True:
        try:
            s = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
            s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.bind((name,))
            return s
        except OSError:
            s.close()
            time.sleep(0.02)


def stamp(ancillary):
    """Time of arrival in CLOCK_MONOTONIC. The age is taken in wall time, within a moment."""
    now, wall = time.monotonic(), time.time()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("=qq", data[:16])
            age = wall - seconds - nanoseconds * 1e-9
            if 0 <= age < 10:
                return now - age
    return now


def command(s, line):
    word = line.split()
    if word[0] == "alive":
        return word[1] == "on"
    if word[0] == "send":
        s.send(FRAME.pack(int(word[1], 16), len(word[2]) // 2, bytes.fromhex(word[2])))
    elif word[0] == "burst":
        frame = FRAME.pack(int(word[3], 16), len(word[4]) // 2, bytes.fromhex(word[4]))
        for _ in range(int(word[1])):
            try:
                s.send(frame)
            except OSError:
                pass
            time.sleep(int(word[2]) * 1e-6)
    return None


def main():
    s = open_bus(sys.argv[1])
    print(f"ready {time.monotonic():.6f}", flush=True)
    alive, spoken, pending = sys.argv[2:] != ["silent"], 0.0, b""
    while True:
        try:
            if alive and time.monotonic() - spoken >= 1.0:
                spoken = time.monotonic()
                s.send(ALIVE)
            for fd in select.select([s, 0], [], [], 0.05)[0]:
                if fd == 0:
                    data = os.read(0, 4096)
                    if not data:
                        return
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        said = command(s, line.decode())
                        alive = alive if said is None else said
                    continue
                data, ancillary, _, _ = s.recvmsg(16, 128)
                ident, length, payload = FRAME.unpack(data)
                print(f"rx {stamp(ancillary):.6f} {ident:X} {payload[:length].hex()}", flush=True)
        except OSError:
            s.close()
            s = open_bus(sys.argv[1])


main()
