# SPDX-License-Identifier: Apache-2.0
"""A Solis inverter's RS485 port on a pty: answers function 4 of Modbus RTU for the registers in
which it shows what it understood on CAN, and can do everything wrong that a line can.

Frame format and CRC-16 after "MODBUS over Serial Line Specification and Implementation Guide
V1.02", 2.5.1 and 6.2.2: polynomial 0xA001, begun with 0xFFFF, low byte first.
"""

import contextlib
import os
import pty
import select
import termios
import threading
import time
import tty

FIRST = 33139
COUNT = 8
READ_INPUT_REGISTERS = 4
REQUEST_SIZE = 8
SOC, SOH, VOLTAGE, CURRENT, CHARGE, DISCHARGE, FAULT_1, FAULT_2 = range(COUNT)
FAULTS = ("silent", "crc", "exception", "truncated", "slave", "garbage")


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def with_crc(data):
    return data + crc16(data)


class Solis:
    """link is a symbolic link to the pty: unplug() takes both away, plug() makes them anew."""

    def __init__(self, link, address=1):
        self.link = str(link)
        self.address = address
        self.registers = [0] * COUNT
        self.fault = None
        self.requests = []  # times
        self.answers = 0
        self.foreign = []  # what was no request for these registers
        self.master = None
        self.plug()

    def understand(self, charge, discharge, voltage, soc):
        """A, A, V, %"""
        self.registers = [soc, 100, round(voltage * 100), 0, round(charge * 10),
                          round(discharge * 10), 0, 0]

    def plug(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave, termios.TCSANOW)
        os.set_blocking(self.master, False)
        device = os.ttyname(self.slave)
        os.chmod(device, 0o666)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.link)
        os.symlink(device, self.link)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def unplug(self):
        self.stopping = True
        self.thread.join()
        with contextlib.suppress(FileNotFoundError):  # the folder may be gone before
            os.unlink(self.link)
        os.close(self.master)
        os.close(self.slave)
        self.master = None

    def close(self):
        if self.master is not None:
            self.unplug()

    def answer(self):
        head = bytes([self.address, READ_INPUT_REGISTERS])
        body = b"".join(r.to_bytes(2, "big") for r in self.registers)
        good = with_crc(head + bytes([len(body)]) + body)
        return {
            None: good,
            "silent": b"",
            "crc": good[:-1] + bytes([good[-1] ^ 1]),
            "exception": with_crc(bytes([self.address, READ_INPUT_REGISTERS | 0x80, 2])),
            "truncated": good[:11],
            "slave": with_crc(bytes([self.address + 1]) + good[1:-2]),
            "garbage": bytes((37 * i + len(self.requests)) % 256 for i in range(200)),
        }[self.fault]

    def run(self):
        wanted = with_crc(bytes([self.address, READ_INPUT_REGISTERS])
                          + FIRST.to_bytes(2, "big") + COUNT.to_bytes(2, "big"))
        pending = b""
        while not self.stopping:
            if not select.select([self.master], [], [], 0.02)[0]:
                continue
            with contextlib.suppress(OSError):
                pending += os.read(self.master, 256)
            while len(pending) >= REQUEST_SIZE:
                request, pending = pending[:REQUEST_SIZE], pending[REQUEST_SIZE:]
                if request != wanted:
                    self.foreign.append(request)
                self.requests.append(time.monotonic())
                with contextlib.suppress(OSError):
                    os.write(self.master, self.answer())
                self.answers += self.fault is None
