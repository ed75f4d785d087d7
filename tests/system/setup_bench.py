# SPDX-License-Identifier: Apache-2.0
"""A machine as a folder, for jkpylon-probe all and setup: with everything plugged in, or with nothing.
The serial adapter leads to the simulator, the CAN interface to a bench bus with an inverter. And a
user at a terminal, who reads and types.

Environment: JKP_PROBE, JKP_SIM, JKPYLON, JKPYLON_WORKER, JKP_SOURCE_DIR
"""

import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

PROBE = os.environ["JKP_PROBE"]
SHIPPED = (pathlib.Path(os.environ["JKP_SOURCE_DIR"]) / "systemd/jkpylon.conf").read_bytes()
SLOW = 4.0 if os.environ.get("JKP_SLOW") == "1" else 1.0
CAN_FRAME = struct.Struct("=IB3x8s")
BESIDE = 6  # tests at a time: they wait more than they work
ADAPTER = "usb-FTDI_FT232R_USB_UART_A10KQ1-if00-port0"


class Terminal:
    """A program on a terminal. Everything that appears there, what is typed too, is in self.text."""

    def __init__(self, command, **options):
        master, slave = pty.openpty()
        self.master = master
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **options
        )
        os.close(slave)
        self.text = ""
        self.seen = 0

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def expect(self, words, seconds=20):
        """Wait until these words appear behind what was expected before, at the end of a question."""
        end = time.monotonic() + seconds * SLOW
        pattern = re.compile(words + r".*(: |\] )$", re.S)
        while not pattern.search(self.text[self.seen :]):
            if time.monotonic() > end or (not self.read(0.1) and self.process.poll() is not None):
                raise AssertionError(f"'{words}' does not appear: {self.text[self.seen:]}")
        self.seen = len(self.text)

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def answer(self, words, line):
        self.expect(words)
        self.type(line)

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, seconds=20):
        """Return: exit status."""
        stop = time.monotonic() + seconds * SLOW
        while self.process.poll() is None and time.monotonic() < stop:
            self.read(0.05)
        while self.read(0.05):
            pass
        os.close(self.master)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("it does not end: " + self.text)
        return self.process.returncode


class Inverter:
    """A bench bus in the place of a CAN interface: says 0x305 to everybody who comes."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(4)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        peers = []
        while not self.stopping:
            if select.select([self.listener], [], [], 0.02)[0]:
                peers.append(self.listener.accept()[0])
            for peer in list(peers):
                try:
                    peer.send(CAN_FRAME.pack(0x305, 8, bytes(8)))
                except OSError:
                    peers.remove(peer)
                    peer.close()
        for peer in peers:
            peer.close()

    def close(self):
        self.stopping = True
        self.thread.join()
        self.listener.close()


class Machine:
    """The folder that stands for /."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        self.inverter = None
        self.write("/proc/sys/kernel/osrelease", "6.1.0-25-rt-arm64")
        self.write("/proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian 6.1.106-3")
        self.write("/sys/devices/system/cpu/cpu0/x", "")
        self.write("/sys/devices/system/cpu/cpu1/x", "")
        self.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash")
        self.write("/etc/group", "dialout:x:20:\ngpio:x:997:")
        self.write("/etc/jkpylon/.keep", "")

    def close(self):
        if self.inverter:
            self.inverter.close()

    def path(self, name):
        return self.root / name.lstrip("/")

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text + "\n", encoding="ascii")

    def link(self, name, target):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).symlink_to(target)

    def serial(self, name, device, driver, latency=None):
        self.link(f"/dev/{name}", device)
        self.link(f"/sys/class/tty/{name}/device/driver", f"../../../bus/usb-serial/drivers/{driver}")
        if latency is not None:
            self.write(f"/sys/class/tty/{name}/device/latency_timer", str(latency))

    def plug_everything(self, bms):
        self.serial("ttyUSB0", bms, "ftdi_sio", 16)
        self.link(f"/dev/serial/by-id/{ADAPTER}", "../../ttyUSB0")
        self.serial("ttyAMA0", "/dev/null", "uart-pl011")
        self.write("/sys/class/tty/console/active", "tty0 ttyAMA0")
        self.write("/sys/class/net/can0/type", "280")
        self.write("/sys/class/net/can0/flags", "0x40081")
        self.link("/sys/class/net/can0/device/driver", "../../../bus/spi/drivers/mcp251x")
        self.write("/netlink/can0", "state 0\nbitrate 500000\nclock 8000000\ntx_err 0\nrx_err 0")
        self.path("/bus").mkdir()
        self.inverter = Inverter(str(self.path("/bus/can0")))
        self.write(
            "/gpio/gpiochip0",
            "pinctrl-bcm2835 54\n17 GPIO17\n22 GPIO22\n25 GPIO25 interrupt\n27 GPIO27",
        )
        self.write("/sys/class/watchdog/watchdog0/identity", "Broadcom BCM2835 Watchdog timer")
        self.write("/sys/class/watchdog/watchdog0/timeout", "15")
        self.write("/sys/class/watchdog/watchdog0/nowayout", "0")
        self.write("/sys/class/watchdog/watchdog0/state", "inactive")
        self.write("/dev/watchdog0", "")
        self.write("/sys/devices/system/cpu/cpu2/x", "")
        self.write("/sys/devices/system/cpu/cpu3/x", "")
        self.write("/sys/devices/system/cpu/isolated", "3")
        self.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance")
        self.write("/etc/passwd", "jkpylon:x:990:990::/var/lib/jkpylon:/usr/sbin/nologin")
        self.write("/etc/group", "dialout:x:20:pi,jkpylon\ngpio:x:997:jkpylon")
        self.write("/usr/lib/systemd/system/jkpylond.service", "")
        self.write("/usr/lib/udev/rules.d/60-jkpylon.rules", "")
        for place in ("/etc/jkpylon", "/usr/share/jkpylon"):
            self.path(place).mkdir(parents=True, exist_ok=True)
            self.path(place + "/jkpylon.conf").write_bytes(SHIPPED)
        self.write("/usr/sbin/mosquitto", "")
        head = "  sl  local_address rem_address   st"
        self.write("/proc/net/tcp", head + "\n   0: 00000000:075B 00000000:0000 0A 00000000:00000000")

    def command(self, *args, interface="none"):
        return [PROBE, args[0], "--sysroot", str(self.root), "--interface", interface, *args[1:]]

    def masked(self, text):
        """What differs from run to run, and the folder, as the page shows it."""
        text = text.replace(str(self.root), "")
        text = text.replace("Who else has them open can be seen by root only.\n", "")
        text = re.sub(r"answers after \d+ ms", "answers after 57 ms", text)
        text = re.sub(r"rtprio \w+, memlock (\d+ KiB|unlimited)", "rtprio 0, memlock 8192 KiB", text)
        return re.sub(r"\d\d\.\d{2,3} V", "53.12 V", text)


def main():
    """Run all tests of the program beside each other, or those that are named. Return: exit status."""
    loader = unittest.defaultTestLoader
    program = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(sys.argv[1:], program) if sys.argv[1:] \
        else loader.loadTestsFromModule(program)
    tests = []

    def flatten(part):
        for item in part:
            if isinstance(item, unittest.TestSuite):
                flatten(item)
            else:
                tests.append(item)

    def one(test):
        result = unittest.TestResult()
        begin = time.monotonic()
        test.run(result)
        return test, result, time.monotonic() - begin

    flatten(suite)
    bad = 0
    with ThreadPoolExecutor(BESIDE) as pool:
        for test, result, took in pool.map(one, tests):
            wrong = result.failures + result.errors
            word = "NOT OK" if wrong else "skip" if result.skipped else "ok"
            print(f"{word:7} {test.id()} ({took:.1f} s)", *(why for _, why in result.skipped))
            print(*(text for _, text in wrong), sep="\n", end="", flush=True)
            bad += bool(wrong)
    print(f"{len(tests)} tests, {bad} failed")
    return 1 if bad or not tests else 0
