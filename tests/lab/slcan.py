# SPDX-License-Identifier: Apache-2.0
"""The far end of a serial CAN adapter (slcan, the LAWICEL ASCII protocol), outside the guest: adapter
and inverter in one. Times are seconds of the host's CLOCK_MONOTONIC."""

import contextlib
import threading
import time

from bench import Frame
from machine import connect

SPEEDS = {b"S4": 125000, b"S5": 250000, b"S6": 500000, b"S8": 1000000}
ALIVE = b"t30580000000000000000\r"
ALIVE_S = 1.0
DONE = b"\r"
SENT = b"z\r"
REFUSED = b"\a"


def parse(line):
    """A data frame of 11 bits, "t" IDENT LENGTH DATA -> (id, data), or None."""
    try:
        length = int(line[4:5], 16)
        data = bytes.fromhex(line[5:].decode())
        return (int(line[1:4], 16), data) if length == len(data) <= 8 else None
    except ValueError:
        return None


class Inverter:
    """Records what it hears and says 0x305 once a second while the adapter is open."""

    def __init__(self, path):
        self.forget()
        self.socket = connect(path)
        self.lock = threading.Lock()
        for work in (self.listen, self.speak):
            threading.Thread(target=work, daemon=True).start()

    def forget(self):
        """As at the start: nothing heard, closed until the driver opens it."""
        self.frames = []
        self.garbage = []
        self.bitrate = 0
        self.open = False
        self.alive = True

    def listen(self):
        pending = b""
        with contextlib.suppress(OSError):
            while data := self.socket.recv(4096):
                t = time.monotonic()
                *lines, pending = (pending + data).split(b"\r")
                for line in lines:
                    self.say(self.take(t, line))

    def take(self, t, line):
        """Carry out a command of the driver; what the adapter answers."""
        frame = parse(line) if line[:1] == b"t" else None
        if frame:
            self.frames.append(Frame(t, *frame))
            return SENT
        if line in (b"O", b"C"):
            self.open = line == b"O"
        elif line in SPEEDS:
            self.bitrate = SPEEDS[line]
        elif line:
            self.garbage.append((t, line))
            return REFUSED
        return DONE

    def speak(self):
        due = time.monotonic()
        with contextlib.suppress(OSError):
            while True:
                due += ALIVE_S
                time.sleep(max(0.0, due - time.monotonic()))
                if self.open and self.alive:
                    self.say(ALIVE)

    def say(self, data):
        with self.lock:
            self.socket.sendall(data)

    def close(self):
        self.socket.close()
