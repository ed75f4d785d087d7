#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-probe all and setup as a new user meets them: on a machine with everything and with nothing,
with bad answers, without permission, on a full and a read-only disk. The transcripts of the guide
setup.md come from here: test_probe_setup.py --write renews them.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from daemon_bench import Bench, Bms, jk_vector, with_sum
from setup_bench import ADAPTER, PROBE, SHIPPED, SLOW, Machine, Terminal, main
from sim_bench import SIM, Sim

GOOD, USAGE, DEVICE, BROKEN = 0, 1, 2, 3
JKPYLON = os.environ["JKPYLON"]
PAGE = pathlib.Path(os.environ["JKP_SOURCE_DIR"]) / "systemd/guide/setup.md"
CONFIG = "/etc/jkpylon/jkpylon.conf"
NOBODY = 65534


@contextlib.contextmanager
def machine(everything=False, bms=None):
    with tempfile.TemporaryDirectory(prefix="jkp-setup.") as folder:
        os.chmod(folder, 0o755)
        m = Machine(folder)
        if everything:
            m.plug_everything(bms)
        try:
            yield m
        finally:
            m.close()


@contextlib.contextmanager
def full_machine(*sim):
    with Sim("--cells", "16", "--capacity", "280", "--soc", "60", *sim) as s:
        with machine(True, os.path.realpath(s.link)) as m:
            yield m


def run(command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        **options
    )


def typed(m, *answers, args=("setup",), end=GOOD, interface="none"):
    """A session with (words of the question, answer) pairs. Return: the terminal's text."""
    t = Terminal(m.command(*args, interface=interface))
    for words, line in answers:
        t.answer(words, line)
    status = t.end()
    assert status == end, f"{status}: {t.text}"
    return t.text


FULL = (
    ("Ask for a BMS", "y"),
    ("capacity right", ""),
    ("Device of the BMS", ""),
    ("leads to the inverter", ""),
    ("set the bit rate", ""),
    ("relay that disconnects", "y"),
    ("Its line", "gpiochip0:17"),
    ("while the line is high", ""),
    ("level:", ""),
    ("watchdog0 restart", "y"),
    ("Broker", "localhost"),
    ("Its port", ""),
    ("want TLS", ""),
    ("User at", ""),
)
PLAIN = (
    ("Ask for a BMS", ""),
    ("Device of the BMS", ""),
    ("leads to the inverter", ""),
    ("set the bit rate", ""),
    ("relay that disconnects", ""),
    ("watchdog0 restart", ""),
    ("Broker", ""),
)
EXPECTED = {
    "device": f"/dev/serial/by-id/{ADAPTER}",
    "interface": "can0",
    "manage": "yes",
    "relay": "pinctrl-bcm2835:17",
    "relay_mode": "level",
    "watchdog": "/dev/watchdog0",
    "host": "localhost",
    "port": "1883",
}


def settings(m, path=CONFIG):
    lines = m.path(path).read_text(encoding="ascii").splitlines()
    return dict(re.split(r" = ", line, 1) for line in lines if " = " in line and line[0] != "#")


def daemon_check(m, path=CONFIG):
    return run([JKPYLON, "--config", str(m.path(path)), "--check"])


def leftovers(m):
    """What is in the folder beside what was installed, or its backup."""
    return sorted(p.name for p in m.path("/etc/jkpylon").iterdir()
                  if p.name != ".keep" and p.read_bytes() != SHIPPED)


NETWORK = threading.Lock()  # the port of the modules is one


class Module(threading.Thread):
    """A GoodWe module: answers one search."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("", 48899))
        self.socket.settimeout(20 * SLOW)
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            data, place = self.socket.recvfrom(100)
            if data == b"WIFIKIT-214028-READ":
                self.socket.sendto(b"10.0.0.9,ACCF235A,Solar-WiFi\x07", place)


@contextlib.contextmanager
def network():
    """A meter and a GoodWe module on the loopback."""
    with NETWORK:
        meter = subprocess.Popen([SIM, "sma", "--interface", "lo", "--port", "19522", "--serial",
                                  "1900202586"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        module = Module()
        try:
            yield
        finally:
            meter.terminate()
            meter.wait()
            module.socket.close()


# ---- the transcripts of the guide ---------------------------------------------------------------


def transcript_all_nothing():
    with machine() as m:
        return m.masked(typed(m, args=("all",), end=DEVICE))


def transcript_all_everything():
    with network(), full_machine() as m:
        text = typed(m, ("Ask there", "y"), args=("all", "--port", "19522"), interface="lo")
        return m.masked(text)


def transcript_setup_everything():
    with full_machine() as m:
        return m.masked(typed(m, *FULL, ("is as shipped. Replace it", "")))


def transcript_setup_nothing():
    with machine() as m:
        return m.masked(typed(m, ("Device of the BMS", "/dev/ttyUSB0"), ("no such device", "\x04"),
                              end=USAGE))


TRANSCRIPTS = {
    "all-nothing": transcript_all_nothing,
    "all-everything": transcript_all_everything,
    "setup-everything": transcript_setup_everything,
    "setup-nothing": transcript_setup_nothing,
}
BLOCK = re.compile(r"(<!-- transcript: ([a-z-]+) -->\n```text\n)(.*?)(```)", re.S)


def page_blocks():
    return {name: text for _, name, text, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))}


def write_page():
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        BLOCK.sub(lambda b: b[1] + TRANSCRIPTS[b[2]]().rstrip("\n") + "\n" + b[4], text),
        encoding="utf-8",
    )


class Guide(unittest.TestCase):
    maxDiff = None

    def test_page_has_every_transcript(self):
        self.assertEqual(sorted(page_blocks()), sorted(TRANSCRIPTS))

    def compare(self, name):
        self.assertEqual(page_blocks()[name].rstrip("\n"), TRANSCRIPTS[name]().rstrip("\n"))

    def test_all_nothing(self):
        self.compare("all-nothing")

    def test_all_everything(self):
        self.compare("all-everything")

    def test_setup_everything(self):
        self.compare("setup-everything")

    def test_setup_nothing(self):
        self.compare("setup-nothing")


# ---- all ----------------------------------------------------------------------------------------


class All(unittest.TestCase):
    def found(self, m, *args, **options):
        r = run(m.command("all", "--json", *args, **options))
        return r.returncode, json.loads(r.stdout)

    def missing(self, found):
        return [n["what"] for n in found["notes"] if n["needed"]]

    def test_nothing_is_said_with_a_remedy_each(self):
        with machine() as m:
            status, found = self.found(m)
            self.assertEqual(status, DEVICE)
            self.assertEqual(len(self.missing(found)), 4)
            self.assertEqual(found["missing"], 4)
            for n in found["notes"]:
                self.assertTrue(n["next"], n)
            for words in ("no serial device", "no CAN interface", "not installed", "no user"):
                self.assertTrue(any(words in w for w in self.missing(found)), words)

    def test_nothing_is_asked_without_consent(self):
        with full_machine() as m:
            status, found = self.found(m)
            self.assertEqual(status, GOOD)
            self.assertEqual([s["asked"] for s in found["serial"]], [False, False])
            text = typed(m, ("Ask there", ""), args=("all",))
            self.assertIn("no BMS was asked", text)

    def test_everything(self):
        with full_machine() as m:
            status, found = self.found(m, "--ask-bms")
            self.assertEqual((status, found["missing"]), (GOOD, 0))
            usb, ama = (next(s for s in found["serial"] if s["name"] == n)
                        for n in ("ttyUSB0", "ttyAMA0"))
            self.assertEqual((usb["good"], usb["cells"], usb["capacity_ah"]), (True, 16, 280))
            self.assertEqual((usb["latency_ms"], usb["driver"]), (16, "ftdi_sio"))
            self.assertTrue(usb["path"].endswith(ADAPTER))
            # a console is never written to
            self.assertEqual((ama["console"], ama["asked"]), (True, False))
            can = found["can"][0]
            self.assertEqual((can["up"], can["bitrate"], can["clock_hz"]), (True, 500000, 8000000))
            self.assertTrue(can["alive"] and can["frames"] > 0)
            self.assertEqual(found["gpio"][0]["lines"], 54)
            self.assertEqual(found["watchdog"][0]["timeout_s"], 15)
            self.assertTrue(found["host"]["realtime"] and found["host"]["dialout"])
            self.assertTrue(found["network"]["broker_listens"])

    def test_device_in_use_is_named_and_left_alone(self):
        with full_machine() as m:
            m.write("/proc/1234/comm", "minicom")
            m.link("/proc/1234/fd/5", "/dev/ttyUSB0")
            status, found = self.found(m, "--ask-bms")
            usb = next(s for s in found["serial"] if s["name"] == "ttyUSB0")
            self.assertEqual((usb["holder"], usb["asked"]), ("minicom, process 1234", False))
            self.assertTrue(any("in use by minicom" in n["what"] for n in found["notes"]))
            # the other one is a console
            self.assertEqual((status, self.missing(found)),
                             (DEVICE, ["no serial device is free for the BMS"]))
            text = typed(m, ("Device of the BMS", "1"), ("another program uses", "\x04"),
                         args=("setup",), end=USAGE)
            self.assertIn("in use", text)

    def test_long_name_of_an_adapter(self):
        name = "usb-Silicon_Labs_CP2102N_USB_to_UART_Bridge_Controller_" + 32 * "5" + "-if00-port0"
        with full_machine() as m:
            m.path(f"/dev/serial/by-id/{ADAPTER}").unlink()
            m.link(f"/dev/serial/by-id/{name}", "../../ttyUSB0")
            _, found = self.found(m)
            self.assertTrue(found["serial"][0]["path"].endswith(name), found["serial"])

    def test_interface_that_is_not_there(self):
        with machine() as m:
            r = run(m.command("all", interface="nothere0"))
            self.assertIn("no such interface is up", r.stdout)

    def test_what_a_lock_tells(self):
        with full_machine() as m:
            st = m.path("/dev/ttyUSB0").stat()
            place = f"{os.major(st.st_dev):02x}:{os.minor(st.st_dev):02x}:{st.st_ino}"
            m.write("/proc/77/comm", "jkpylon-worker")
            m.write("/proc/locks", f"1: FLOCK  ADVISORY  WRITE 77 {place} 0 EOF")
            status, found = self.found(m, "--ask-bms")
            usb = next(s for s in found["serial"] if s["name"] == "ttyUSB0")
            self.assertEqual((usb["holder"], usb["asked"]), ("jkpylon-worker, process 77", False))
            self.assertEqual(status, GOOD)
            self.assertFalse(any("in use" in n["what"] for n in found["notes"]))

    def test_states_that_need_a_word(self):
        with full_machine() as m:
            m.write("/netlink/can0", "state 3\nbitrate 250000\nclock 4000000\ntx_err 248\nrx_err 0")
            m.write("/sys/class/watchdog/watchdog0/state", "active")
            m.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand")
            r = run(m.command("all"))
            for words in ("250000 bit/s, Pylontech", "is bus-off", "crystal of 8 MHz",
                          "watchdog0 is in use already", "governor ondemand"):
                self.assertIn(words, r.stdout)

    def test_without_permission(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to become another user")
        with full_machine() as m:
            os.chmod(os.path.realpath(m.path("/dev/ttyUSB0")), 0o600)
            r = run(m.command("all"), user=NOBODY, group=NOBODY, extra_groups=[])
            self.assertIn("ttyUSB0: no permission for you", r.stdout)
            self.assertIn("usermod -aG", r.stdout)
            self.assertIn("BMS: not asked, no permission", r.stdout)

    def test_silent_bms_and_what_the_network_says(self):
        # Both wait, so they do it beside each other.
        with full_machine() as m:
            master, slave = os.openpty()
            m.path("/dev/ttyUSB0").unlink()
            m.link("/dev/ttyUSB0", os.ttyname(slave))
            silent = subprocess.Popen(m.command("all", "--ask-bms"), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, text=True)
            self.check_network()
            out = silent.communicate(timeout=60)[0]
            self.assertEqual(silent.returncode, DEVICE)
            self.assertIn("silent: no byte came back", out)
            self.assertIn("MISSING: no BMS answers on any of the 1 devices asked", out)
            os.close(master)
            os.close(slave)

    def check_network(self):
        with network(), machine() as m:
            _, found = self.found(m, "--port", "19522", interface="lo")
        heard = found["network"]
        self.assertEqual([(h["serial"], h["interface"]) for h in heard["meter"]],
                         [(1900202586, "lo")])
        self.assertEqual([h["name"] for h in heard["goodwe"]], ["10.0.0.9,ACCF235A,Solar-WiFi."])

    def test_this_machine(self):
        r = run([PROBE, "all", "--json", "--interface", "none"])
        self.assertIn(r.returncode, (GOOD, DEVICE))
        self.assertGreater(json.loads(r.stdout)["host"]["cpus"], 0)

    def test_wrong_command_lines(self):
        for args in (("all", "can0"), ("setup", "x"), ("all", "--sysroot", "x" * 300),
                     ("setup", "--output", ""), ("setup", "--nonsense")):
            self.assertEqual(run([PROBE, *args]).returncode, USAGE, args)


# ---- setup --------------------------------------------------------------------------------------


class Setup(unittest.TestCase):
    def test_everything_is_written_and_is_good(self):
        with full_machine() as m:
            text = typed(m, *FULL, ("is as shipped. Replace it", ""))
            self.assertEqual(settings(m), EXPECTED)
            self.assertEqual(daemon_check(m).returncode, 0)
            self.assertEqual(leftovers(m), ["jkpylon.conf"])
            self.assertEqual(m.path(CONFIG + ".old-1").read_bytes(), SHIPPED)
            self.assertEqual(m.path(CONFIG).stat().st_mode & 0o777, 0o644)
            self.assertIn("16 cells", text)
            # no limit of the battery is ever in the file
            self.assertNotIn("[limits]", m.path(CONFIG).read_text(encoding="ascii"))

    def test_every_bad_answer_is_asked_again(self):
        with full_machine() as m:
            text = typed(
                m,
                ("Ask for a BMS", "maybe"), ("please answer y or n", "no"),
                ("Device of the BMS", "7"), ("expected one of the numbers", "/etc/passwd"),
                ("begins with /dev/", "/dev/ttyUSB9"), ("no such device", "x" * 600),
                ("too long", "/dev/tty\x01USB0"), ("printable", "2"), ("is a console", "/dev/ttyUSB0"),
                ("leads to the inverter", "eth0"), ("no CAN interface of that", "can0; rm"),
                ("expected one of", "9"), ("no CAN interface of that", "can0"),
                ("set the bit rate", "n"),
                ("relay that disconnects", "y"),
                ("Its line", ""), ("no default", "17"), ("expected CHIP", "gpiochip9:17"),
                ("no such chip", "gpiochip0:54"), ("no such line", "gpiochip0:25"),
                ("uses that line", "pinctrl-bcm2835:27"),
                ("while the line is high", "n"), ("level:", "both"), ("level or pulse", "pulse"),
                ("watchdog0 restart", "n"),
                ("Broker", "mqtt://broker:1883"), ("without port", "broker"),
                ("Its port", "70000"), ("1 to 65535", "1884"),
                ("want TLS", "x"), ("please answer y or n", ""),
                ("User at", "a b"), ("without spaces", "jk"),
                ("File with the password", "secret"), ("not the password", "/etc/missing"),
                ("no such file", "none"),
                ("is as shipped. Replace it", "perhaps"), ("please answer", "y"),
            )
            want = {"device": "/dev/ttyUSB0", "interface": "can0", "manage": "no",
                    "relay": "pinctrl-bcm2835:27:active-low", "relay_mode": "pulse",
                    "watchdog": "none", "host": "broker", "port": "1884", "user": "jk"}
            self.assertEqual(settings(m), want, text)
            self.assertEqual(daemon_check(m).returncode, 0)

    def test_defaults_of_a_script(self):
        with full_machine() as m:
            r = run(m.command("setup", "--yes"))
            self.assertEqual(r.returncode, GOOD, r.stdout + r.stderr)
            self.assertNotIn("Asking on", r.stdout)  # consent is no default
            self.assertEqual(settings(m), {
                "device": f"/dev/serial/by-id/{ADAPTER}", "interface": "can0", "manage": "yes",
                "relay": "none", "watchdog": "none"})
            self.assertEqual(daemon_check(m).returncode, 0)
            again = run(m.command("setup", "--yes"))
            self.assertEqual(again.returncode, BROKEN)
            self.assertIn("Nothing was written", again.stdout)
            self.assertEqual(leftovers(m), ["jkpylon.conf"])

    def test_script_on_an_empty_machine_writes_nothing(self):
        with machine() as m:
            r = run(m.command("setup", "--yes"))
            self.assertEqual(r.returncode, USAGE)
            self.assertEqual(leftovers(m), [])

    def test_existing_file_is_kept_beside(self):
        with full_machine() as m:
            old = "# mine\n"
            m.write(CONFIG, "# mine")
            m.write(CONFIG + ".old-1", "# older")
            os.chmod(m.path(CONFIG), 0o640)
            text = typed(m, *PLAIN, ("exists. Replace it", ""), end=BROKEN)
            self.assertIn("Nothing was written", text)
            self.assertEqual(m.path(CONFIG).read_text(encoding="ascii"), old)
            text = typed(m, *PLAIN, ("exists. Replace it", "y"))
            self.assertIn("jkpylon.conf.old-2", text)
            self.assertEqual(m.path(CONFIG + ".old-2").read_text(encoding="ascii"), old)
            self.assertEqual(m.path(CONFIG + ".old-1").read_text(encoding="ascii"), "# older\n")
            self.assertEqual(m.path(CONFIG).stat().st_mode & 0o777, 0o640)
            self.assertEqual(daemon_check(m).returncode, 0)
            r = run(m.command("setup", "--yes", "--replace"))
            self.assertEqual(r.returncode, GOOD)
            self.assertTrue(m.path(CONFIG + ".old-3").exists())

    def test_other_file_by_name(self):
        with full_machine() as m:
            name = str(m.path("/etc/other.conf"))
            r = run(m.command("setup", "--yes", "--output", name))
            self.assertEqual(r.returncode, GOOD)
            self.assertIn(f"jkpylond --config {name} --check", r.stdout)
            self.assertEqual(daemon_check(m, "/etc/other.conf").returncode, 0)
            for bad, words in (("/etc", "no plain file"), ("/etc/nowhere/x.conf", "no such folder")):
                r = run(m.command("setup", "--yes", "--output", str(m.path(bad))))
                self.assertEqual(r.returncode, DEVICE)
                self.assertIn(words, r.stderr)

    def test_wrong_battery_writes_nothing(self):
        with full_machine() as m:
            text = typed(m, ("Ask for a BMS", "y"), ("capacity right", "n"), end=BROKEN)
            self.assertIn("in the JK app first", text)
            self.assertEqual(leftovers(m), [])

    def test_script_with_consent_to_ask(self):
        with full_machine() as m:
            r = run(m.command("setup", "--yes", "--ask-bms"))
            self.assertEqual(r.returncode, GOOD, r.stdout + r.stderr)
            self.assertIn("# The BMS said: 16 cells, 280 Ah.",
                          m.path(CONFIG).read_text(encoding="ascii"))

    def test_cells_that_the_defaults_do_not_fit_write_nothing(self):
        frame = jk_vector("armin_16S_idle")
        nmc, n = re.subn(b"\xae(.)\xaf.\xb0", lambda f: b"\xae" + f[1] + b"\xaf\x01\xb0", frame,
                         flags=re.S)
        self.assertEqual(n, 1)
        bms = Bms(with_sum(nmc))
        try:
            with machine(True, bms.device) as m:
                r = run(m.command("setup", "--yes", "--ask-bms"))
                self.assertEqual(r.returncode, BROKEN, r.stdout)
                self.assertIn("other cells than LFP", r.stdout)
                self.assertEqual(leftovers(m), [])
        finally:
            bms.close()

    def test_interrupted_leaves_nothing(self):
        with full_machine() as m:
            t = Terminal(m.command("setup"))
            for words, line in PLAIN[:3]:
                t.answer(words, line)
            t.expect("set the bit rate")
            t.interrupt()
            self.assertEqual(t.end(), -signal.SIGINT)
            self.assertEqual(leftovers(m), [])

    def test_end_of_input_leaves_nothing(self):
        with full_machine() as m:
            r = run(m.command("setup"))
            self.assertEqual(r.returncode, USAGE)
            self.assertIn("nothing was written", r.stderr)
            self.assertEqual(leftovers(m), [])

    def test_full_disk_leaves_the_old_file(self):
        # The bound on the size of a file is to a program what a full disk is.
        bounded = ["sh", "-c", "trap '' XFSZ; exec prlimit --fsize=64 \"$@\"", "sh"]
        with full_machine() as m:
            m.write(CONFIG, "# mine")
            r = run(bounded + m.command("setup", "--yes", "--replace"))
            self.assertEqual(r.returncode, DEVICE, r.stdout + r.stderr)
            self.assertIn("nothing was put in place", r.stderr)
            self.assertEqual(leftovers(m), ["jkpylon.conf"])
            self.assertEqual(m.path(CONFIG).read_text(encoding="ascii"), "# mine\n")

    def test_no_room_and_read_only_file_system(self):
        libc = ctypes.CDLL(None, use_errno=True)
        ms_rdonly, ms_remount, detach = 1, 32, 2
        with full_machine() as m:
            place = str(m.path("/etc/jkpylon")).encode()
            if os.getuid() != 0 or libc.mount(b"none", place, b"tmpfs", 0, b"size=8k,mode=755"):
                self.skipTest("needs root, to mount a small file system")
            try:
                filler = m.path("/etc/jkpylon/filler")
                with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as f:
                    while f.write(bytes(4096)):
                        pass
                r = run(m.command("setup", "--yes"))
                self.assertEqual(r.returncode, DEVICE)
                self.assertIn("No space left", r.stderr)
                self.assertEqual(leftovers(m), ["filler"])
                libc.mount(b"none", place, None, ms_rdonly | ms_remount, None)
                r = run(m.command("setup", "--yes"))
                self.assertEqual(r.returncode, DEVICE)
                self.assertIn("Read-only file system", r.stderr)
            finally:
                libc.umount2(place, detach)

    def test_beside_the_daemon_nothing_is_asked_and_written(self):
        def serial(m):
            m.write("/proc/77/comm", "jkpylon-worker")
            m.link("/proc/77/fd/5", "/dev/ttyUSB0")
            return "in use by jkpylon-worker, process 77"

        def line(m):
            m.write("/gpio/gpiochip0", "pinctrl-bcm2835 54\n17 GPIO17 jkpylon\n22 GPIO22")
            return "it holds line 17 of gpiochip0"

        def dog(m):  # the adapter of the BMS is unplugged
            m.write("/proc/66/comm", "jkpylond")
            m.write("/sys/class/watchdog/watchdog0/state", "active")
            return "process 66"

        for holds in (serial, line, dog):
            with full_machine() as m:
                words = holds(m)
                r = run(m.command("setup", "--yes"))
                self.assertEqual(r.returncode, DEVICE, r.stdout + r.stderr)
                self.assertIn(words, r.stderr)
                self.assertIn("systemctl stop jkpylond, then begin again", r.stderr)
                self.assertNotIn("---", r.stdout)  # no question
                self.assertEqual(leftovers(m), [])

    def test_the_daemon_itself_is_known_by_its_names(self):
        with Bench() as b, full_machine() as m:
            d = b.start_running()
            names = [pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
                     for pid in (d.process.pid, d.worker())]
            self.assertEqual(names, ["jkpylond", "jkpylon-worker"])
            m.link("/proc/66", f"/proc/{d.process.pid}")
            r = run(m.command("setup", "--yes"))
            self.assertEqual(r.returncode, DEVICE, r.stdout + r.stderr)
            self.assertIn("the daemon runs (process 66)", r.stderr)

    def test_folder_that_cannot_be_synchronized_is_told_from_nothing(self):
        if SLOW > 1 or shutil.which("strace") is None or run(["strace", "-qq", "true"]).returncode:
            self.skipTest("needs strace, without a sanitizer")
        for n, words, there in (1, "nothing was put in place", False), (2, "is in place, but", True):
            with full_machine() as m:
                # first the file is, then its folder
                inject = ["strace", "-qq", "-o", "/dev/null", "-e",
                          f"inject=fsync:error=EIO:when={n}"]
                r = run(inject + m.command("setup", "--yes"))
                self.assertEqual(r.returncode, DEVICE, r.stdout + r.stderr)
                self.assertIn(words, r.stderr)
                self.assertEqual("nothing was put" in r.stderr, not there)
                self.assertEqual(leftovers(m), ["jkpylon.conf"] if there else [])
                self.assertEqual(m.path(CONFIG + ".old-1").exists(), there)
                self.assertEqual("The old file is" in r.stdout, there)

    def test_file_of_the_package_counts_as_none(self):
        with full_machine() as m:
            found = json.loads(run(m.command("all", "--json")).stdout)
            self.assertEqual((found["host"]["config"], found["host"]["config_as_shipped"]),
                             ("", True))
            self.assertTrue(any("as shipped" in n["what"] for n in found["notes"]))
            self.assertIn("none yet (as shipped)", run(m.command("all")).stdout)
            # One byte more, and it is the user's: the answer is no by default.
            for changed in (SHIPPED + b"\n", SHIPPED[:-1], SHIPPED.replace(b"ttyUSB0", b"ttyUSB1")):
                m.path(CONFIG).write_bytes(changed)
                found = json.loads(run(m.command("all", "--json")).stdout)
                self.assertEqual((found["host"]["config"], found["host"]["config_as_shipped"]),
                                 (CONFIG, False))
                r = run(m.command("setup", "--yes"))
                self.assertEqual(r.returncode, BROKEN, r.stdout)
                self.assertEqual(m.path(CONFIG).read_bytes(), changed)

    def test_what_the_old_file_set_is_said_before_it_is_replaced(self):
        old = ("[bms]\ndevice = /dev/ttyUSB7\n[can]\ninterface = can0\n[limits]\ncharge_max = 40A\n"
               "[charge]\nbulk = 3.44V\n[failsafe]\nrelay = gpiochip0:17\nfeedback = gpiochip0:22\n"
               "precharge = gpiochip0:27\n[arbiter]\ninterlock = yes")
        lost = ("bms.device = /dev/ttyUSB7", "limits.charge_max = 40A", "charge.bulk = 3.440V",
                "failsafe.relay = gpiochip0:17", "failsafe.precharge = gpiochip0:27",
                "failsafe.feedback = gpiochip0:22", "arbiter.interlock = yes")
        with full_machine() as m:
            m.write(CONFIG, old)
            self.assertEqual(daemon_check(m).returncode, 0, daemon_check(m).stderr)
            text = typed(m, *PLAIN, ("exists. Replace it", ""), end=BROKEN)
            r = run(m.command("setup", "--yes", "--replace"))
            self.assertEqual(r.returncode, GOOD)
            for said in (text, r.stdout):
                part = said.split("that the new one does not have:\n")[1].split("They would")[0]
                self.assertEqual(part.splitlines(), ["  " + line for line in lost])
                self.assertLess(said.index("does not have"), said.index("Replace it"))
            # what it wrote itself is not lost
            r = run(m.command("setup", "--yes", "--replace"))
            self.assertIn("does not have:\n  none\n", r.stdout)
            m.write(CONFIG, "[limits]\ncharge_max = 40")
            r = run(m.command("setup", "--yes", "--replace"))
            self.assertIn("counts no longer:\n  /etc/jkpylon/jkpylon.conf:2: ",
                          r.stdout.replace(str(m.root), ""))

    def test_pins_with_a_pull_up_or_another_use_are_asked_for_twice(self):
        asked = (("0", "pull-up"), ("8", "SPI of a CAN HAT, and starts with a pull-up"), ("9", "SPI"),
                 ("15", "UART"), ("23", "interrupts"), ("28", "not among those"))
        with full_machine() as m:
            for label in ("pinctrl-bcm2835", "pinctrl-bcm2711", "mcp23017"):
                m.write("/gpio/gpiochip0", f"{label} 54")
                before = (*PLAIN[:4], ("relay that disconnects", "y"))
                after = (("while the line is high", ""), ("level:", ""), *PLAIN[5:])
                twice = []
                if label != "mcp23017":
                    for pin, why in asked:
                        twice += [("Its line", f"gpiochip0:{pin}"), (f"GPIO{pin} .*{why}.*the same", "")]
                for pin, again in (("17", ()), ("27", ()), ("8", (("all the same", "y"),))):
                    again = again if label != "mcp23017" else ()
                    typed(m, *before, *twice, ("Its line", f"gpiochip0:{pin}"), *again, *after,
                          ("Write this to", "y"),
                          args=("setup", "--output", str(m.path(f"/etc/{label}.{pin}"))))
                    self.assertEqual(settings(m, f"/etc/{label}.{pin}")["relay"], f"{label}:{pin}")
                    twice = []

    def test_second_name_of_a_chip_is_no_second_chip(self):
        with full_machine() as m:
            m.link("/gpio/gpiochip4", "gpiochip0")
            found = json.loads(run(m.command("all", "--json")).stdout)
            self.assertEqual([c["name"] for c in found["gpio"]], ["gpiochip0"])
            answers = [("Its line", "gpiochip4:17") if q[0] == "Its line" else q for q in FULL]
            typed(m, *answers, ("as shipped", ""))
            self.assertEqual(settings(m), EXPECTED)

    def test_consent_says_what_only_root_sees(self):
        words = "Who else has them open can be seen by root only."
        with full_machine() as m:
            self.assertEqual(words in typed(m, ("Ask there", ""), args=("all",)), os.getuid() != 0)
            if os.getuid() != 0:
                self.skipTest("needs root, to become another user")
            os.chmod(os.path.realpath(m.path("/dev/ttyUSB0")), 0o666)
            os.chmod(m.path("/bus/can0"), 0o777)
            m.path("/open").mkdir()
            os.chmod(m.path("/open"), 0o777)
            for args, question in ((("all",), "Ask there"),
                                   (("setup", "--output", str(m.path("/open/x"))), "Ask for a BMS")):
                t = Terminal(m.command(*args), user=NOBODY, group=NOBODY, extra_groups=[])
                t.expect(words.replace(".", r"\.") + ".*" + question)
                t.interrupt()
                t.end()

    def test_other_device_than_the_one_that_was_confirmed(self):
        with full_machine() as m:
            m.link("/dev/ttyACM0", "/dev/zero")
            os.unlink(m.path("/sys/class/tty/console/active"))
            text = typed(m, ("Ask for a BMS", "y"), ("capacity right", ""),
                         ("Device of the BMS", "/dev/ttyACM0"), *PLAIN[2:], ("as shipped", ""))
            self.assertIn("Nothing is known of a BMS there", text)
            self.assertNotIn("The BMS said", m.path(CONFIG).read_text(encoding="ascii"))
            # by its other name it is the same
            typed(m, ("Ask for a BMS", "y"), ("capacity right", ""),
                  ("Device of the BMS", "/dev/ttyUSB0"), *PLAIN[2:], ("Replace it", "y"))
            self.assertIn("The BMS said", m.path(CONFIG).read_text(encoding="ascii"))

    def test_folder_without_permission_is_said_before_the_questions(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to become another user")
        with full_machine() as m:
            r = run(m.command("setup"), user=NOBODY, group=NOBODY, extra_groups=[])
            self.assertEqual(r.returncode, DEVICE)
            self.assertIn("use sudo", r.stderr)
            self.assertEqual(r.stdout, "")

    @contextlib.contextmanager
    def password(self, m, text="secret\n"):
        """A password file of the user jkpylon, with the same name below the folder and outside of it."""
        m.write("/etc/passwd", f"jkpylon:x:{os.getuid()}:990::/var/lib/jkpylon:/usr/sbin/nologin")
        with tempfile.TemporaryDirectory(prefix="jkp-secret.") as folder:
            real = pathlib.Path(folder) / "mqtt"
            real.write_text(text, encoding="ascii")
            os.chmod(real, 0o600)
            m.link(str(real), str(real))
            yield real

    def broker(self, m, port, tls):
        t = Terminal(m.command("setup", "--output", str(m.path("/etc/x.conf"))))
        for words, line in (*PLAIN[:-1], ("Broker", "broker"), ("Its port", port), ("want TLS", tls),
                            ("User at", "jk")):
            t.answer(words, line)
        return t

    def test_password_file_is_judged_as_the_daemon_does(self):
        with full_machine() as m, self.password(m) as real:
            t = self.broker(m, "8883", "")
            t.expect(r"\[/etc/jkpylon/mqtt\]")
            remedy = "install -m 600 -o jkpylon -g jkpylon /dev/null FILE"
            t.type(str(real) + ".not")
            t.expect("no such file.*" + remedy)
            for mode in (0o640, 0o604, 0o620, 0o610):
                os.chmod(real, mode)
                t.type(str(real))
                t.expect("others may read that file: sudo chmod 600")
            os.chmod(real, 0o600)
            real.write_text("", encoding="ascii")
            t.type(str(real))
            t.expect("is empty")
            real.write_text("secret\n", encoding="ascii")
            t.type(str(real.parent))
            t.expect("no plain file")
            t.type(str(real))
            t.answer("Write this to", "")
            self.assertEqual(t.end(), GOOD, t.text)
            got = settings(m, "/etc/x.conf")
            self.assertEqual({k: got[k] for k in ("host", "port", "tls", "user", "password_file")},
                             {"host": "broker", "port": "8883", "tls": "yes", "user": "jk",
                              "password_file": str(real)})
            self.assertEqual(daemon_check(m, "/etc/x.conf").returncode, 0)
            self.assertIn("enable jkpylond && sudo systemctl restart jkpylond", t.text)

    def test_password_file_of_somebody_else(self):
        with full_machine() as m, self.password(m) as real:
            m.write("/etc/passwd", f"jkpylon:x:{os.getuid() + 1}:990::/:/usr/sbin/nologin")
            t = self.broker(m, "", "")
            t.answer("password", str(real))
            t.expect("not of the user jkpylon.*chown jkpylon:jkpylon")
            t.type("none")
            t.answer("Write this to", "")
            self.assertEqual(t.end(), GOOD, t.text)
            self.assertNotIn("tls", settings(m, "/etc/x.conf"))
            self.assertNotIn("password_file", settings(m, "/etc/x.conf"))

    def test_what_the_daemon_would_refuse_is_not_put_in_place(self):
        with full_machine() as m, self.password(m) as real:
            t = self.broker(m, "", "n")
            t.answer("password", str(real))
            t.expect("Write this to")
            os.chmod(real, 0o640)  # behind the question's back
            t.type("y")
            self.assertEqual(t.end(), USAGE, t.text)
            self.assertIn("the check of the daemon refuses", t.text)
            self.assertIn("nothing was put in place", t.text)
            self.assertEqual([p.name for p in m.path("/etc").glob("x.conf*")], [])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_page()
        sys.exit(0)
    sys.exit(main())
