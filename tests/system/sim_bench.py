# SPDX-License-Identifier: Apache-2.0
"""What the tests of the simulator share: a running simulator, its line, its control socket, a bus."""

import json
import os
import select
import socket
import struct
import subprocess
import tempfile
import time

SIM = os.environ["JKP_SIM"]
SLOW = 4.0 if os.environ.get("JKP_SLOW") == "1" else 1.0
REQUEST = bytes.fromhex("4e5700130000000006030000000000006800000129")
CAN_FRAME = struct.Struct("=IB3x8s")
POLL_S = 0.02


def wait_until(what, seconds=5.0):
    """Return: the first true value of what(), or the last one when the time is over."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = what()
        if value or time.monotonic() >= end:
            return value
        time.sleep(POLL_S)


def sum_ok(frame):
    return len(frame) > 20 and sum(frame[:-4]) & 0xFFFF == int.from_bytes(frame[-2:], "big")


def register(frame, tag, size):
    """Value of a register behind the cells of a good frame, by walking over the known tags."""
    sizes = {0x85: 1, 0x86: 1, 0x89: 4, 0x9D: 1}
    at = 11 + 2 + frame[12]
    while frame[at] != tag:
        at += 1 + sizes.get(frame[at], 2)
    return int.from_bytes(frame[at + 1 : at + 1 + size], "big")


def cells_mv(frame):
    n = frame[12] // 3
    return [int.from_bytes(frame[13 + 3 * i + 1 : 13 + 3 * i + 3], "big") for i in range(n)]


class Sim:
    """A simulator in a temporary directory; a context manager."""

    def __init__(self, *args):
        self.args = args

    def __enter__(self):
        self.temp = tempfile.TemporaryDirectory(prefix="jkp-sim.")
        self.dir = self.temp.name
        self.link = os.path.join(self.dir, "bms")
        self.bus_path = os.path.join(self.dir, "bus")
        self.log_path = os.path.join(self.dir, "log")
        control = os.path.join(self.dir, "control")
        args = [a.replace("BUS", "unix:" + self.bus_path) for a in self.args]
        with open(self.log_path, "w", encoding="ascii") as log:
            self.process = subprocess.Popen(
                [SIM, "--bms", self.link, "--control", "unix:" + control, *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        if not wait_until(lambda: os.path.exists(self.link)):
            raise AssertionError("the simulator does not start: " + self.log())
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(control)
        self.answers = self.socket.makefile("r")
        self.fd = -1
        return self

    def __exit__(self, *unused):
        self.close_line()
        self.socket.close()
        self.answers.close()
        self.process.terminate()
        self.process.wait(10)
        self.temp.cleanup()

    def log(self):
        with open(self.log_path, encoding="ascii") as log:
            return log.read()

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.answers.readline().strip()

    def ok(self, line):
        answer = self.command(line)
        if answer != "ok":
            raise AssertionError(f"{line}: {answer}")

    def status(self):
        return json.loads(self.command("status"))

    def open_line(self):
        self.fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if not wait_until(lambda: self.status()["bms"]["attached"]):
            raise AssertionError("the simulator does not see its client")

    def close_line(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def read(self, seconds, gap=0.1):
        """Bytes until the line is silent for gap seconds, or the time is over."""
        end = time.monotonic() + seconds * SLOW
        data = b""
        self.times = []
        while time.monotonic() < end:
            wait = gap * SLOW if data else max(0, end - time.monotonic())
            if not select.select([self.fd], [], [], wait)[0]:
                break
            try:
                chunk = os.read(self.fd, 4096)
            except OSError:
                break
            if not chunk:
                break
            self.times.append((time.monotonic(), len(chunk)))
            data += chunk
        return data

    def ask(self, seconds=1.0, gap=0.1):
        if self.fd < 0:
            self.open_line()
        os.write(self.fd, REQUEST)
        return self.read(seconds, gap)


class Bus:
    """The bench bus as a daemon offers it: the test plays the battery."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(4)
        self.listener.settimeout(5 * SLOW)
        self.peer = None

    def accept(self):
        self.peer = self.listener.accept()[0]

    def close(self):
        if self.peer:
            self.peer.close()
        self.listener.close()

    def send(self, ident, data):
        self.peer.send(CAN_FRAME.pack(ident, len(data), data.ljust(8, b"\0")))

    def limits(self, cvl, ccl, dcl, enables=0xC0):
        values = (round(cvl * 10), round(ccl * 10), round(dcl * 10), 450)
        self.send(0x351, struct.pack("<HhhH", *values))
        self.send(0x35C, bytes([enables, 0]))

    def receive(self, seconds):
        """Return: (identifier, data) or None."""
        self.peer.settimeout(seconds * SLOW)
        try:
            ident, length, data = CAN_FRAME.unpack(self.peer.recv(CAN_FRAME.size))
        except socket.timeout:
            return None
        return ident, data[:length]
