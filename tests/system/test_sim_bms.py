#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-sim: the line of the BMS, and what each fault command does to it."""

import errno
import json
import os
import subprocess
import tempfile
import time
import unittest

import sim_bench
from sim_bench import SIM, SLOW, Sim, cells_mv, register, sum_ok, wait_until

VECTORS = os.path.join(os.environ["JKP_SOURCE_DIR"], "tests", "vectors")
REPLY_S = 291 * 10 / 115200
LENGTH = 291


def capture(name):
    with open(os.path.join(VECTORS, "A-jk-4e57.json"), encoding="utf-8") as f:
        return bytes.fromhex(next(e["hex"] for e in json.load(f) if e["name"] == name))


class Line(unittest.TestCase):
    def test_starts_from_the_real_capture_byte_for_byte(self):
        with Sim() as sim:
            self.assertEqual(sim.ask(), capture("armin_16S_idle"))

    def test_replays_another_capture(self):
        name = "syssi_14S_charge_2A08"
        with Sim("--capture", os.path.join(VECTORS, "A-jk-4e57.json") + ":" + name) as sim:
            sim.ok("current 2.08")
            time.sleep(0.05 * SLOW)
            frame = sim.ask()
            self.assertEqual(len(frame), len(capture(name)))
            self.assertTrue(sum_ok(frame))
            self.assertEqual(register(frame, 0x84, 2), 0x80D0)

    def test_is_paced_like_115200_baud(self):
        with Sim() as sim:
            sim.ask()  # the first one finds the line asleep
            answers = []
            for _ in range(5):
                time.sleep(0.05)
                self.assertEqual(len(sim.ask()), LENGTH)
                mark = sim.command("mark")
                values = dict(word.split("=") for word in mark.split()[2:])
                first = int(values["first_ns"]) - int(values["request_ns"])
                last = int(values["last_ns"]) - int(values["request_ns"])
                answers.append((first / 1e9, last / 1e9))
            self.assertGreaterEqual(min(first for first, _ in answers), 0.0004)
            self.assertGreaterEqual(min(last for _, last in answers), 0.0004 + REPLY_S)
            self.assertLess(min(last for _, last in answers), 0.0004 + REPLY_S + 0.010 * SLOW)

    def test_unpaced_comes_at_once(self):
        with Sim("--unpaced") as sim:
            sim.ask()
            sim.ask()
            values = dict(word.split("=") for word in sim.command("mark").split()[2:])
            self.assertLess(int(values["last_ns"]) - int(values["first_ns"]), REPLY_S * 1e9 / 2)

    def test_marks_tell_of_each_reply(self):
        with Sim() as sim:
            sim.ok("mark on")
            sim.ask()
            words = sim.answers.readline().split()
            self.assertEqual(words[0], "mark")
            values = dict(word.split("=") for word in words[1:])
            self.assertEqual(values["bytes"], str(LENGTH))
            self.assertEqual((values["max_mv"], values["min_mv"]), ("3271", "3262"))

    def test_synthetic_packs_of_8_to_24_cells(self):
        for cells in (8, 16, 24):
            with Sim("--cells", str(cells), "--soc", "40", "--capacity", "280") as sim:
                frame = sim.ask()
                self.assertTrue(sum_ok(frame))
                self.assertEqual(len(cells_mv(frame)), cells)
                self.assertEqual(register(frame, 0x85, 1), 40)

    def test_only_the_read_all_request_is_answered(self):
        with Sim() as sim:
            sim.open_line()
            write = bytes.fromhex("4e5700140000000002 0300ab000000000068000001d1")
            os.write(sim.fd, write)
            self.assertEqual(sim.read(0.3), b"")
            self.assertGreater(sim.status()["bms"]["other_bytes"], 0)
            self.assertEqual(len(sim.ask()), LENGTH)


class Faults(unittest.TestCase):
    def setUp(self):
        self.sim = Sim().__enter__()
        self.addCleanup(self.sim.__exit__)
        self.good = self.sim.ask()

    def test_silent(self):
        self.sim.ok("silent on")
        self.assertEqual(self.sim.ask(0.3), b"")
        self.assertEqual(self.sim.status()["bms"]["ignored"], 1)
        self.sim.ok("silent off")
        self.assertEqual(self.sim.ask(), self.good)

    def test_badsum(self):
        self.sim.ok("badsum on")
        frame = self.sim.ask()
        self.assertFalse(sum_ok(frame))
        self.assertEqual(frame[:-1], self.good[:-1])

    def test_noise(self):
        self.sim.ok("noise 0.05")
        frame = self.sim.ask()
        self.assertEqual(len(frame), LENGTH)
        damaged = sum(a != b for a, b in zip(frame, self.good))
        self.assertTrue(1 <= damaged <= 60, damaged)

    def test_truncate(self):
        for n in (1, 100, 290):
            self.sim.ok(f"truncate {n}")
            self.assertEqual(self.sim.ask(), self.good[:n])
        self.sim.ok("truncate 0")
        self.assertEqual(self.sim.ask(0.3), b"")
        self.sim.ok("truncate off")
        self.assertEqual(self.sim.ask(), self.good)

    def test_drip(self):
        self.sim.ok("truncate 20")
        self.sim.ok("drip 20")
        self.assertEqual(self.sim.ask(3), self.good[:20])
        self.assertGreaterEqual(self.sim.times[-1][0] - self.sim.times[0][0], 0.019 * 19)
        self.assertLessEqual(max(n for _, n in self.sim.times), 3 * SLOW)

    def test_garbage(self):
        self.sim.ok("garbage 5000")
        data = self.sim.read(1.0)
        self.assertTrue(2000 < len(data) < 6000 * SLOW, len(data))
        self.assertGreater(len(set(data)), 200)
        self.sim.ok("garbage off")
        self.sim.read(0.3)
        self.assertEqual(self.sim.ask(), self.good)

    def test_frozen(self):
        self.sim.ok("frozen on")
        self.sim.ok("all 3.30")
        self.assertEqual(self.sim.ask(), self.good)
        self.sim.ok("frozen off")
        self.assertNotEqual(self.sim.ask(), self.good)

    def test_prefix_repeat_and_send(self):
        self.sim.ok("prefix ff4e")
        self.assertEqual(self.sim.ask(), b"\xff\x4e" + self.good)
        self.sim.ok("prefix off")
        self.sim.ok("repeat 2")
        self.assertEqual(self.sim.ask(), self.good * 2)
        self.sim.ok("repeat off")
        self.sim.ok("send 0102")
        self.assertEqual(self.sim.read(0.5), b"\x01\x02")

    def test_reply_delay(self):
        self.sim.ok("reply 600")
        before = time.monotonic()
        self.assertEqual(self.sim.ask(2), self.good)
        self.assertGreaterEqual(self.sim.times[0][0] - before, 0.6)

    def test_cells(self):
        self.sim.ok("cell 3 3.560")
        self.assertEqual(cells_mv(self.sim.ask())[2], 3560)
        self.sim.ok("all 3.30")
        frame = self.sim.ask()
        self.assertEqual(set(cells_mv(frame)), {3300})
        self.assertEqual(register(frame, 0x83, 2), 5280)
        self.sim.ok("all free")
        time.sleep(0.05)
        self.assertEqual(self.sim.ask(), self.good)

    def test_count(self):
        self.sim.ok("count 15")
        frame = self.sim.ask()
        self.assertEqual(len(cells_mv(frame)), 15)
        self.assertEqual(register(frame, 0x8A, 2), 15)
        self.assertTrue(sum_ok(frame))

    def test_soc_and_cycles(self):
        self.sim.ok("soc 55")
        self.assertEqual(register(self.sim.ask(), 0x85, 1), 55)
        self.sim.ok("soc raw 255")
        self.assertEqual(register(self.sim.ask(), 0x85, 1), 255)
        self.sim.ok("soc free")
        self.assertEqual(register(self.sim.ask(), 0x85, 1), 55)
        self.sim.ok("cycles 77")
        self.assertEqual(register(self.sim.ask(), 0x87, 2), 77)

    def test_temperatures(self):
        self.sim.ok("temp 1 -5")
        self.sim.ok("probe 2 raw 255")
        self.sim.ok("temp mos 91")
        frame = self.sim.ask()
        values = [register(frame, tag, 2) for tag in (0x80, 0x81, 0x82)]
        self.assertEqual(values, [91, 105, 255])
        self.sim.ok("heal")
        self.assertTrue(wait_until(lambda: self.sim.status()["charge_mos"]))
        values = [register(self.sim.ask(), tag, 2) for tag in (0x81, 0x82)]
        self.assertEqual(values, [21, 22])

    def test_alarms_mosfets_and_version(self):
        self.sim.ok("alarm 0x0008")
        self.sim.ok("mos charge off")
        frame = self.sim.ask()
        self.assertEqual(register(frame, 0x8B, 2), 8)
        self.assertEqual(register(frame, 0x8C, 2), 2)
        self.sim.ok("current 10")
        time.sleep(0.05)
        self.assertEqual(register(self.sim.ask(), 0x84, 2), 0)
        self.sim.ok("mos charge on")
        time.sleep(0.05)
        self.assertEqual(register(self.sim.ask(), 0x84, 2), 0x8000 + 1000)
        self.sim.ok("version 0")
        self.assertEqual(register(self.sim.ask(), 0x84, 2), 9000)

    def test_unplug_hangs_up_and_comes_back_under_another_name(self):
        target = os.readlink(self.sim.link)
        self.sim.ok("unplug 0.5")
        self.assertFalse(os.path.lexists(self.sim.link))
        with self.assertRaises(OSError) as caught:
            os.write(self.sim.fd, sim_bench.REQUEST)
        self.assertEqual(caught.exception.errno, errno.EIO)
        self.sim.close_line()
        self.assertTrue(wait_until(lambda: os.path.lexists(self.sim.link)))
        self.assertNotEqual(os.readlink(self.sim.link), target)
        self.assertEqual(self.sim.ask(), self.good)

    def test_a_new_client_is_served_after_the_old_one_left(self):
        for _ in range(3):
            self.sim.close_line()
            self.assertTrue(wait_until(lambda: not self.sim.status()["bms"]["attached"]))
            self.assertEqual(self.sim.ask(), self.good)

    def test_heal_ends_the_faults(self):
        for line in ("badsum on", "truncate 10", "cell 1 4.0", "count 3", "prefix 00", "reply 50"):
            self.sim.ok(line)
        self.sim.ok("heal")
        time.sleep(0.05)
        self.assertEqual(self.sim.ask(), self.good)


class Commands(unittest.TestCase):
    def test_wrong_commands_are_refused_and_change_nothing(self):
        wrong = (
            "bogus",
            "cell 17 3.3",
            "cell 0 3.3",
            "cell 1 x",
            "cell 1",
            "all -1",
            "soc 101",
            "noise 2",
            "noise nan",
            "truncate x",
            "alarm 0x10000",
            "mos both off",
            "mos charge maybe",
            "silent perhaps",
            "inverter dance",
            "inverter disobey 1",
            "probe 3 raw 1",
            "temp 1 999",
            "prefix zz",
        )
        with Sim() as sim:
            good = sim.ask()
            for line in wrong:
                self.assertRegex(sim.command(line), "^error: ", line)
            self.assertRegex(sim.command("x" * 2000), "^error: line too long")
            self.assertEqual(sim.ask(), good)

    def test_script(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as script:
            script.write("# a comment\n0.0 silent on\n0.2 silent off # later\n0.2 cell 2 3.4\n")
            script.flush()
            with Sim("--script", script.name) as sim:
                self.assertTrue(wait_until(lambda: "cell 2 3.4: ok" in sim.log()))
                self.assertEqual(cells_mv(sim.ask())[1], 3400)

    def refused(self, status, message, *args):
        result = subprocess.run(
            [SIM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertRegex(result.stderr, message)

    def test_wrong_command_lines_and_files(self):
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "bms")
            plain = os.path.join(folder, "plain")
            with open(plain, "w", encoding="ascii") as f:
                f.write("5 cell\nnonsense\n")
            self.refused(1, "--cells 99", "--cells", "99")
            self.refused(1, "unexpected argument", "extra")
            self.refused(1, "leave out --cells", "--cells", "8", "--capture", "x.hex")
            self.refused(1, "No such file", "--bms", link, "--capture", "/nonexistent.hex")
            self.refused(1, "no complete JK reply", "--bms", link, "--capture",
                         os.path.join(VECTORS, "jk_uart_issue247_turn12_220820.hex"))
            self.refused(1, ":2: expected", "--bms", link, "--script", plain)
            self.refused(2, "no symbolic link", "--bms", plain)
            self.refused(2, "control", "--bms", link, "--control", "unix:/nonexistent/x")
            self.assertFalse(os.path.lexists(link))

    def test_leaves_nothing_behind(self):
        with Sim() as sim:
            self.assertEqual(sim.command("quit"), "ok")
            self.assertEqual(sim.process.wait(10), 0)
            self.assertEqual(sorted(os.listdir(sim.dir)), ["log"])


if __name__ == "__main__":
    unittest.main()
