#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-sim goodwe and jkpylon-probe goodwe: the leg to the other inverter, good and broken.

The simulator has an encoder of its own; here its datagrams are taken apart a third time.
"""

import json
import os
import socket
import struct
import subprocess
import threading
import time
import unittest

from goodwe_bench import SIM, Goodwe

PROBE = os.environ["JKP_PROBE"]
RUNTIME = bytes.fromhex("aa55c07f0106000245")
DEVICE = bytes.fromhex("aa55c07f0102000241")
MODBUS_RUNTIME = bytes.fromhex("f703891c007d7ae7")
WRITES = ["aa55c07f033502006402dc", "aa55c07f03590100029b", "aa55c07f023905056001001402f8",
          "f706b7980002bac6", "f71088b8000306010203040506102e"]


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def ask(port, request, seconds=3.0):
    """Return: the datagrams that come back within the time, or until one has come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        s.settimeout(seconds)
        s.send(request)
        try:
            return s.recv(512)
        except socket.timeout:
            return None


def probe(*args):
    run = subprocess.run([PROBE, *args], capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout, run.stderr


class Simulator(unittest.TestCase):
    def test_values_by_aa55_for_each_firmware(self):
        for length in (95, 133, 140):
            with Goodwe("--length", str(length)) as g:
                g.tell("mode charge", "current 12.3", "voltage 51.8", "soc 66", "grid -700")
                f = ask(g.port, RUNTIME)
                self.assertEqual(len(f), length + 9)
                self.assertEqual(f[:7], bytes([0xAA, 0x55, 0x7F, 0xC0, 1, 0x86, length]))
                self.assertEqual(sum(f[:-2]) & 0xFFFF, int.from_bytes(f[-2:], "big"))
                d = f[7:]
                self.assertEqual(struct.unpack_from(">H", d, 10)[0], 518)
                self.assertEqual(struct.unpack_from(">H", d, 18)[0], 123)
                self.assertEqual((d[26], d[30], d[80]), (66, 3, 1))
                self.assertEqual(struct.unpack_from(">H", d, 38)[0], 700)

    def test_values_by_modbus(self):
        with Goodwe("--family", "modbus") as g:
            g.tell("mode charge", "current 9.8", "voltage 254.2", "soc 68", "grid -3")
            f = ask(g.port, MODBUS_RUNTIME)
            self.assertEqual(f[:5], bytes.fromhex("aa55f703fa"))
            self.assertEqual(crc16(f[2:-2]), int.from_bytes(f[-2:], "little"))
            volt, ampere, watt, mode = struct.unpack_from(">HhiH", f, 5 + 160)
            self.assertEqual((volt, ampere, watt, mode), (2542, -98, -2491, 3))
            self.assertEqual(struct.unpack_from(">h", f, 5 + 80)[0], 3)
            self.assertIsNone(ask(g.port, DEVICE, 0.3))

    def test_what_would_write_is_counted_and_not_done(self):
        with Goodwe("--family", "es-g2") as g:
            for request in WRITES:
                self.assertIsNone(ask(g.port, bytes.fromhex(request), 0.1))
            self.assertEqual(g.status()["writes"], len(WRITES))

    def test_faults_do_what_they_say(self):
        with Goodwe() as g:
            good = ask(g.port, RUNTIME)
            g.tell("fault truncate 100")
            self.assertEqual(ask(g.port, RUNTIME), good[:100])
            g.tell("fault echo")
            self.assertEqual(ask(g.port, RUNTIME), RUNTIME)
            g.tell("fault type")
            self.assertEqual(ask(g.port, RUNTIME)[4:6], bytes([1, 0x82]))
            g.tell("fault sum")
            bad = ask(g.port, RUNTIME)
            self.assertEqual((bad[:-1], bad[-1] ^ good[-1]), (good[:-1], 1))
            g.tell("fault garbage")
            self.assertNotEqual(ask(g.port, RUNTIME), good)
            g.tell("fault port")  # the socket is connected: it must not arrive
            self.assertIsNone(ask(g.port, RUNTIME, 0.3))
            g.tell("fault slow 300")
            begin = time.monotonic()
            self.assertEqual(ask(g.port, RUNTIME), good)
            self.assertGreater(time.monotonic() - begin, 0.29)
            g.tell("fault silent")
            self.assertIsNone(ask(g.port, RUNTIME, 0.3))
            answers = g.status()["answers"]
            g.tell("fault twice")
            self.assertEqual(ask(g.port, RUNTIME), good)
            self.assertEqual(g.status()["answers"], answers + 2)
            g.tell("family modbus", "fault exception 2")
            self.assertEqual(ask(g.port, MODBUS_RUNTIME)[:5], bytes.fromhex("aa55f78302"))
            g.tell("heal", "family aa55")
            self.assertEqual(ask(g.port, RUNTIME), good)

    def test_commands_and_command_line_that_are_wrong(self):
        with Goodwe() as g:
            for line, part in (("mode fast", "no whole number"), ("fault late", "number of words"),
                               ("fault x", "no such fault"), ("length 96", "95, 133 or 140"),
                               ("grid much", "no number"), ("fly", "unknown command"),
                               ("family et", "aa55, modbus or es-g2")):
                answer = g.command(line)
                self.assertTrue(answer.startswith("error: ") and part in answer, answer)
        for args, part in ((["--length", "96"], "95, 133 or 140"), (["--listen", "x"], "IPv4 address"),
                           (["--family", "et"], "es-g2"), (["--listen", "127.0.0.1:x"], "ADDRESS:PORT"),
                           (["more"], "unexpected argument")):
            run = subprocess.run([SIM, "goodwe", *args], capture_output=True, text=True, timeout=20,
                                 check=False, stdin=subprocess.DEVNULL)
            self.assertEqual(run.returncode, 1, args)
            self.assertIn(part, run.stderr)

    def test_script(self):
        with Goodwe() as g:
            path = os.path.join(g.temp.name, "script")
            with open(path, "w", encoding="ascii") as f:
                f.write("0 mode charge  # at once\n0.1 soc 12\n")
            with Goodwe("--script", path) as other:
                end = time.monotonic() + 10
                while other.status()["soc"] != 12 and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertEqual((other.status()["mode"], other.status()["soc"]), (3, 12))


class Probe(unittest.TestCase):
    def leg(self, *lines, family="aa55"):
        with Goodwe("--family", family) as g:
            g.tell("mode discharge", "current 18.5", "voltage 52.9", "soc 97", "grid 2", *lines)
            code, out, err = probe("goodwe", f"127.0.0.1:{g.port}")
            self.assertEqual(g.status()["writes"], 0)
        self.assertEqual(err, "")
        self.assertRegex(out, r"\nnext: .{20}")
        return code, out

    def test_good_leg_by_aa55(self):
        code, out = self.leg()
        self.assertEqual(code, 0, out)
        for part in ("GW3648-EM", "93648EMU00AW0001", "1010B", "aa55", "140 bytes", "discharging (2)",
                     "52.9 V", "-18.5 A", "-979 W", "97 %", "says what its battery does"):
            self.assertIn(part, out)
        self.assertNotIn("at rest", out)

    def test_good_leg_by_modbus(self):
        for family in ("modbus", "es-g2"):
            code, out = self.leg("mode charge", family=family)
            self.assertEqual(code, 0, out)
            for part in ("GW10K-ET", "9010KETU21BW0001", "modbus", "charging (3)", "18.5 A", "979 W"):
                self.assertIn(part, out)

    def test_idle_battery_that_says_it_discharges(self):
        code, out = self.leg("current 0.3")
        self.assertEqual(code, 0)
        self.assertIn("at rest", out)

    def test_failures_each_with_its_words(self):
        # All at once: most of them wait for three answers that do not come.
        rows = [
            ("aa55", ["fault silent"], "no answer to 6 requests"),
            ("aa55", ["fault truncate 60"], "damaged (cut off, 3 times)"),
            ("aa55", ["fault sum"], "damaged (wrong sum, "),
            ("aa55", ["fault echo"], "our own requests come back"),
            ("aa55", ["fault port"], "came from another place than was asked (127.0.0.1:"),
            ("aa55", ["fault type"], "not like a GoodWe inverter"),
            ("aa55", ["fault late 1500"], "no answer to 6 requests"),
            ("aa55", ["mode none", "soc 0"], "reports no battery"),
            ("modbus", ["fault exception 2"], "refuses the registers (exception 2)"),
        ]
        errors = []

        def one(family, lines, part):
            try:
                code, out = self.leg(*lines, family=family)
                if code != 3 or part not in out:
                    errors.append(f"{lines}: exit {code}: {out}")
            except Exception as error:  # of a thread
                errors.append(f"{lines}: {error}")
        threads = [threading.Thread(target=one, args=row) for row in rows]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])

    def test_address_where_nobody_is(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        code, out, _ = probe("goodwe", f"127.0.0.1:{port}")
        self.assertEqual(code, 3)
        self.assertIn("cannot reach this address and port (Connection refused)", out)
        self.assertIn("next: wrong address", out)

    def test_json_and_hex(self):
        with Goodwe() as g:
            g.tell("mode charge", "current 10", "voltage 50", "soc none", "grid 321")
            code, out, _ = probe("goodwe", f"127.0.0.1:{g.port}", "--json")
            v = json.loads(out)
            self.assertEqual(code, 0)
            self.assertEqual((v["verdict"], v["family"], v["current_ma"], v["power_w"], v["soc_pct"],
                              v["grid_power_w"]), ("good", "aa55", 10000, 500, None, 321))
            _, out, _ = probe("goodwe", f"127.0.0.1:{g.port}", "--hex")
            self.assertIn("sent, 9 bytes:", out)
            self.assertIn("received, 149 bytes:", out)
            g.tell("fault garbage")
            code, out, _ = probe("goodwe", f"127.0.0.1:{g.port}", "--json")
            self.assertEqual((code, json.loads(out)["verdict"]), (3, "other"))

    def test_command_line_that_is_wrong(self):
        for args, code, part in ((["goodwe", ":8899"], 1, "expected a name or an address"),
                                 (["goodwe", "127.0.0.1:"], 1, "expected a name or an address"),
                                 (["goodwe", "[::1"], 1, "expected a name or an address"),
                                 (["goodwe", "127.0.0.1:http"], 2, "next: check the name"),
                                 (["goodwe"], 1, "one name"), (["goodwee", "x"], 1, "is none of")):
            got, out, err = probe(*args)
            self.assertEqual(got, code, args)
            self.assertIn(part, out + err)

    def test_search(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", 0))
            port = s.getsockname()[1]
        with Goodwe("--finder", f"0.0.0.0:{port}") as g:
            code, out, err = probe("goodwe-find", f"127.255.255.255:{port}")
            self.assertEqual((code, err), (0, ""), out)
            self.assertRegex(out, r"127.0.0.1:\d+ says: 127.0.0.1,289C6E000001,Solar-WiFi936W0001")
            self.assertEqual(g.status()["searches"], 1)
        code, out, _ = probe("goodwe-find", f"127.255.255.255:{port}")
        self.assertEqual(code, 3)
        self.assertIn("no module answered\nnext: ", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
