#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-probe: verdicts on captured frames, on a good line and on each kind of bad one."""

import fcntl
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import tty
import unittest

from sim_bench import REQUEST, SLOW, Bus, Sim

PROBE = os.environ["JKP_PROBE"]
VECTORS = os.path.join(os.environ["JKP_SOURCE_DIR"], "tests", "vectors")
GOOD, USAGE, DEVICE, BROKEN = 0, 1, 2, 3


def probe(*args, data=None):
    return subprocess.run([PROBE, *args], input=data, capture_output=True, timeout=60, check=False)


def decoded(result):
    """The line of each frame; the last line is the summary."""
    lines = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert lines and lines[-1]["summary"] is True, result
    return lines[:-1]


def counts(result):
    return json.loads(result.stdout.decode().splitlines()[-1])["counts"]


def vector(name):
    with open(os.path.join(VECTORS, "A-jk-4e57.json"), encoding="utf-8") as f:
        return bytes.fromhex(next(e["hex"] for e in json.load(f) if e["name"] == name))


def expected_good(entry):
    return (
        entry["kind"] in ("reply", "synthetic")
        and entry["expect"]["frame_ok"]
        and entry["expect"].get("accept", True)
    )


class Decode(unittest.TestCase):
    # of the vector files -> of the probe, with the factor between them
    fields = {
        "voltage_10mV": ("pack_mv", 10),
        "current_mA_pos_charge": ("current_ma", 1),
        "soc": ("soc_pct", 1),
        "cycles": ("cycles", 1),
        "warnings": ("alarms", 1),
        "status": ("status", 1),
        "cell_ovp_mV": ("cell_ovp_mv", 1),
        "cell_uvp_mV": ("cell_uvp_mv", 1),
        "chg_ocp_A": ("charge_ocp_a", 1),
        "dis_ocp_A": ("discharge_ocp_a", 1),
        "chg_utp_C": ("charge_utp_c", 1),
        "dis_utp_C": ("discharge_utp_c", 1),
        "capacity_Ah": ("capacity_ah", 1),
        "mos_temp_raw": ("mos_temp_raw", 1),
        "box_temp_raw": ("probe1_temp_raw", 1),
        "bat_temp_raw": ("probe2_temp_raw", 1),
    }

    def compare(self, entry, found):
        expect = entry["expect"]
        self.assertEqual(found["cells_mv"], expect["cells_mV"], entry["name"])
        for name, (key, factor) in self.fields.items():
            if name in expect:
                self.assertEqual(found[key], expect[name] * factor, (entry["name"], name))

    def vector_file(self, name, least_good):
        path = os.path.join(VECTORS, name)
        with open(path, encoding="utf-8") as f:
            entries = json.load(f)
        result = probe("decode", path)
        self.assertEqual(result.returncode, BROKEN)  # there are bad ones in each file
        by_name = {line["name"]: line for line in decoded(result)}
        self.assertEqual(set(by_name), {entry["name"] for entry in entries})
        good = 0
        for entry in entries:
            found = by_name[entry["name"]]
            self.assertEqual(found["ok"], expected_good(entry), found)
            if found["ok"]:
                good += 1
                self.compare(entry, found)
        self.assertGreaterEqual(good, least_good)

    def test_published_frames(self):
        self.vector_file("A-jk-4e57.json", 9)

    def test_synthetic_frames(self):
        self.vector_file("A-jk-4e57-synthetic.json", 40)

    def test_verdicts_name_the_reason(self):
        lines = {line["name"]: line["verdict"] for line in decoded(
            probe("decode", os.path.join(VECTORS, "A-jk-4e57.json")))}
        reasons = {
            "req_read_all_pc": "not a reply",
            "noise120": "bad sum",
            "powermon_14S_truncated": "truncated",
            "garbage_841_falsestart": "noise",
            "armin_16S_idle": "ok",
        }
        for name, reason in reasons.items():
            self.assertEqual(lines[name], reason)

    def test_hex_text_binary_and_standard_input(self):
        path = os.path.join(VECTORS, "jk_uart_14s_doc_example_chg2.08A.hex")
        with open(path, "rb") as f:
            text = f.read()
        from_file = probe("decode", path)
        self.assertEqual(from_file.returncode, GOOD)
        self.assertEqual(decoded(from_file)[0]["current_ma"], 2080)
        self.assertEqual(probe("decode", "-", data=text).stdout, from_file.stdout)
        frame = bytes.fromhex(text.decode())
        self.assertEqual(probe("decode", "-", data=frame).stdout, from_file.stdout)
        noisy = decoded(probe("decode", "-", data=b"\x00\xffNW" + frame * 2 + b"NW\x01"))
        self.assertEqual([line["ok"] for line in noisy], [True, True])

    def test_a_broken_reply_between_good_ones_is_told(self):
        frame = vector("armin_16S_idle")
        flipped = bytearray(frame)
        flipped[100] ^= 0x10
        for data, fault in (
            (frame + bytes(flipped) + frame, "bad sum"),
            (frame[:200] + frame, "bad end mark"),
            (frame + frame[:200], "truncated"),
            (frame + REQUEST, "not a reply"),
        ):
            for form in (data, data.hex().encode()):
                result = probe("decode", "-", data=form)
                self.assertEqual(result.returncode, BROKEN, result.stdout)
                self.assertIn(True, [line["ok"] for line in decoded(result)])
                found = counts(result)
                broken = {k: n for k, n in found.items() if n and k not in ("ok", "noise")}
                self.assertIn(fault, broken)
        noisy = probe("decode", "-", data=b"\x00\xff" + frame + b"\x01")
        self.assertEqual(noisy.returncode, GOOD)
        self.assertEqual((counts(noisy)["ok"], counts(noisy)["noise"]), (1, 3))

    def test_dumps_of_other_programs_are_read(self):
        frame = vector("armin_16S_idle")
        for data in (frame, b"\0\0\0\0" + frame, frame * 300):
            expected = probe("decode", "-", data=data)
            self.assertEqual(expected.returncode, GOOD)
            text = data.hex()
            pairs = [text[i : i + 2] for i in range(0, len(text), 2)]
            for sep in (".", "-", ":", " ", ", 0x"):
                result = probe("decode", "-", data=sep.join(pairs).upper().encode())
                self.assertEqual((result.returncode, result.stdout), (GOOD, expected.stdout), sep)
            for command in ("hexdump -Cv", "xxd", "xxd -g1 -c32", "xxd -p", "od -v -tx1",
                            "od -v -Ax -tx1", "od -v -An -tx1", "od -v -Ax -tx1z"):
                if not shutil.which(command.split()[0]):
                    continue
                dump = subprocess.run(command.split(), input=data, capture_output=True, check=True)
                for text in (dump.stdout, dump.stdout.replace(b"\n", b"\r\n"),
                             b"\xef\xbb\xbf" + dump.stdout):
                    result = probe("decode", "-", data=text)
                    self.assertEqual((result.returncode, result.stdout),
                                     (GOOD, expected.stdout), (command, result.stderr))

    def test_other_texts_are_named(self):
        frame = vector("armin_16S_idle")
        colons = frame.hex(":").upper()
        rows = [frame[i : i + 16].hex(" ") for i in range(0, len(frame), 16)]
        dump = [f"{16 * i:08x}  {row}  |x|\n" for i, row in enumerate(rows)]
        words = [f"{16 * i:07x} {frame[16 * i : 16 * i + 16].hex(' ', 2)}\n" for i in range(16)]
        for text, pattern in (
            (f"[12:00:01][D][uart_debug:114]: <<< {colons}\n", "begin with a time.*4E 57 01 21"),
            (f"12:00:01 {colons}\n", "begin with a time"),
            (f"12:00:01.123 {rows[0]}\n", "begin with a time"),
            (f"2026-11-23 12:00:01 {rows[0]}\n", "begin with a time"),
            ("".join(words), "swapped.*hexdump -Cv"),
            ("".join(dump[:3] + dump[4:]), "lines are missing"),
            ("".join(dump[:3] + ["*\n"] + dump[4:]), r'"\*" for repeated lines'),
            ("Reply: " + colons, "a text, but not of hex digits; wanted"),
            ("{}", "wanted"),
            (colons.encode("utf-16").decode("latin-1"), "UTF-16"),
        ):
            result = probe("decode", "-", data=text.encode("latin-1"))
            self.assertEqual((result.returncode, result.stdout), (USAGE, b""), text)
            self.assertRegex(result.stderr.decode(), "jkpylon-probe: -: this looks like .*" + pattern)

    def test_a_full_disk_is_told(self):
        path = os.path.join(VECTORS, "jk_uart_14s_doc_example_chg2.08A.hex")
        with open("/dev/full", "wb") as full:
            result = subprocess.run([PROBE, "decode", path], stdout=full, stderr=subprocess.PIPE,
                                    timeout=60, check=False)
        self.assertEqual(result.returncode, DEVICE)
        self.assertIn(b"cannot write the output", result.stderr)

    def test_wrong_files(self):
        self.assertEqual(probe("decode", "/nonexistent").returncode, DEVICE)
        self.assertEqual(probe("decode", "-", data=b"").returncode, BROKEN)
        for data in (b"[1]", b"[{\"hex\":\"4g\"}]", b"[{", b"4e5"):
            result = probe("decode", "-", data=data)
            self.assertEqual(result.returncode, USAGE, data)
            self.assertIn(b"jkpylon-probe: -: ", result.stderr)


class Line:
    """A serial line on which the test plays the BMS: rows of (seconds after a request, bytes)."""

    def __init__(self, rows):
        self.rows = rows
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        self.slave = slave
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.play)

    def play(self):
        while not self.stop.is_set():
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            if os.read(self.master, 100) != REQUEST:
                continue
            asked = time.monotonic()
            for after, data in self.rows:
                time.sleep(max(0, asked + after - time.monotonic()))
                os.write(self.master, data)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stop.set()
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)


def without(frame, tag, size):
    """The reply without one register, with its length and sum made anew."""
    cells = 11 + 2 + frame[12]
    at = cells
    while frame[at] != tag:
        at += 1 + {0x85: 1, 0x86: 1, 0x89: 4}.get(frame[at], 2)
    rest = frame[2 + 2 : at] + frame[at + 1 + size : -4]
    head = frame[:2] + (len(frame) - 2 - 1 - size).to_bytes(2, "big")
    return head + rest + (sum(head + rest) & 0xFFFFFFFF).to_bytes(4, "big")


def patient(test):
    """Repeat a test of times: a machine that stalls for 100 ms is no fault of the program."""

    @functools.wraps(test)
    def repeat(self):
        for _ in range(4):
            try:
                return test(self)
            except AssertionError:
                time.sleep(1)
        return test(self)

    return repeat


class WhatTheDaemonTakes(unittest.TestCase):
    """The daemon drops a reply 500 ms after its request, or behind 100 ms of silence in it."""

    reply = vector("armin_16S_idle")

    def verdict(self, *rows):
        with Line(rows) as line:
            result = probe("bms", line.name, "--json")
        found = json.loads(result.stdout)
        self.assertEqual(result.returncode, GOOD if found["good"] else BROKEN)
        return found

    @patient
    def test_echo_and_reply_later_is_the_same_request(self):
        found = self.verdict((0, REQUEST), (0.3, self.reply))
        self.assertEqual((found["verdict"], found["tries"]), ("good", 1))
        self.assertTrue(300 <= found["reply_ms"] < 300 + 100 * SLOW, found["reply_ms"])

    def test_a_register_that_is_missing_is_not_read_as_zero(self):
        for tag, size, note in ((0x83, 2, "no pack voltage"), (0x8C, 2, "no MOSFET states"),
                                (0x87, 2, None), (0x85, 1, "no state of charge"),
                                (0x8B, 2, "no alarm bits"), (0x84, 2, "no current")):
            with Line(((0, without(self.reply, tag, size)),)) as line:
                result = probe("bms", line.name)
            self.assertEqual(result.returncode, GOOD, result.stdout)
            notes = [line for line in result.stdout.decode().splitlines() if line[:4] == "note"]
            self.assertEqual(len(notes), 1 if note else 0, notes)
            if note:
                self.assertIn(note, notes[0])
        both = without(without(self.reply, 0x81, 2), 0x82, 2)
        with Line(((0, both),)) as line:
            self.assertIn(b"note: no valid temperature probe", probe("bms", line.name).stdout)

    @patient
    def test_a_late_reply_is_not_good(self):
        for rows in (((0.7, self.reply),), ((0, REQUEST), (0.7, self.reply)),
                     ((0.45, self.reply[:100]), (0.52, self.reply[100:]))):
            found = self.verdict(*rows)
            self.assertFalse(found["good"])
            self.assertIn("later than 500 ms", found["verdict"])
            self.assertTrue(500 < found["late_ms"] < 900, found["late_ms"])
        with Sim() as sim:
            sim.ok("reply 700")
            result = probe("bms", sim.link)
            self.assertEqual(result.returncode, BROKEN)
            self.assertRegex(result.stdout.decode(), r"complete 7\d\d\.\d ms after its request")

    @patient
    def test_a_reply_behind_a_stray_byte_and_silence_is_not_good(self):
        for pause in (0.15, 0.3, 0.45):
            found = self.verdict((0, REQUEST + b"\xff"), (pause, self.reply))
            self.assertFalse(found["good"])
            self.assertIn("after other bytes and a pause of 100 ms", found["verdict"])
        found = self.verdict((0, REQUEST + b"\xff"), (0.05, self.reply))
        self.assertTrue(found["good"])

    @patient
    def test_a_pause_inside_a_reply_is_not_good(self):
        found = self.verdict((0, self.reply[:100]), (0.2, self.reply[100:]))
        self.assertFalse(found["good"])
        self.assertIn("end too early", found["verdict"])


class Bms(unittest.TestCase):
    def words(self, sim, status, *patterns):
        result = probe("bms", sim.link)
        text = (result.stdout + result.stderr).decode()
        self.assertEqual(result.returncode, status, text)
        for pattern in patterns:
            self.assertRegex(text, pattern)

    def test_good(self):
        with Sim() as sim:
            self.words(sim, GOOD, "16 cells: lowest 3.262 V .cell 2.", "verdict: good",
                       "software +11.XW", "state of charge +60 %")
            result = probe("bms", sim.link, "--json")
            found = json.loads(result.stdout)
            self.assertTrue(found["good"])
            self.assertEqual(found["sample"]["pack_mv"], 52280)
            self.assertNotIn(b"123456", result.stdout)  # the BMS's password is not shown
            result = probe("bms", sim.link, "--hex")
            self.assertIn(b"4e 57 01 21", result.stdout)

    def test_notes_on_what_stands_in_the_way(self):
        with Sim() as sim:
            for line in ("mos charge off", "cell 5 0.5", "soc raw 0", "probe 1 raw 255",
                         "probe 2 raw 255", "alarm 8"):
                sim.ok(line)
            self.words(sim, GOOD, "note: the charge MOSFET is off", "note: cell 5 reads 0.500 V",
                       "note: SoC 0 with 0 cycles", "note: no valid temperature probe",
                       "note: the BMS reports alarms", "verdict: good.*see the notes")

    def test_silent(self):
        with Sim() as sim:
            sim.ok("silent on")
            self.words(sim, BROKEN, "3 requests, 0 bytes", "verdict: silent", "next: check that")
            found = json.loads(probe("bms", sim.link, "--json").stdout)
            self.assertFalse(found["good"])
            self.assertIn("silent", found["verdict"])

    def test_a_second_try_is_enough(self):
        with Sim() as sim:
            sim.ok("silent on")
            timer = threading.Timer(1.0, lambda: sim.ok("silent off"))
            timer.start()
            self.words(sim, GOOD, "after request 2")
            timer.join()

    def test_transmission_errors(self):
        with Sim() as sim:
            sim.ok("badsum on")
            self.words(sim, BROKEN, "3 x bad sum", "verdict: replies arrive with transmission errors",
                       "next: ")

    def test_truncated(self):
        with Sim() as sim:
            sim.ok("truncate 200")
            self.words(sim, BROKEN, "3 x truncated", "verdict: replies end too early")

    def test_garbage(self):
        with Sim() as sim:
            sim.ok("silent on")
            sim.ok("garbage 3000")
            self.words(sim, BROKEN, "noise", "verdict: .*(bytes arrive|replies begin|errors)")

    def test_other_protocols_are_recognised(self):
        for hex_bytes, pattern in (("55aaeb9002", "JK02"), ("dda50300fffd77", "DD A5"),
                                   ("00000000000000", "one and the same byte")):
            with Sim() as sim:
                sim.ok("truncate 0")
                sim.ok(f"prefix {hex_bytes}")
                self.words(sim, BROKEN, f"verdict: .*{pattern}", "next: ")

    def test_echo(self):
        with Sim() as sim:
            sim.ok("truncate 0")
            sim.ok("prefix 4e5700130000000006030000000000006800000129")
            self.words(sim, BROKEN, "only our own request comes back")

    def test_reply_that_is_not_understood(self):
        with Sim() as sim:
            sim.ok("version 2")
            self.words(sim, BROKEN, "content is not understood")

    def test_device_vanishes(self):
        with Sim() as sim:
            sim.ok("silent on")
            timer = threading.Timer(0.5, lambda: sim.ok("unplug 30"))
            timer.start()
            self.words(sim, DEVICE, "vanished")
            timer.join()

    def test_wrong_devices(self):
        with tempfile.NamedTemporaryFile() as plain:
            for device, pattern in (("/nonexistent", "no such serial device"),
                                    (plain.name, "not a serial port"),
                                    ("/dev/null", "not a serial port")):
                result = probe("bms", device)
                self.assertEqual(result.returncode, DEVICE)
                self.assertRegex(result.stderr.decode(), f"{device}: .*{pattern}")

    def test_a_device_in_use_is_left_alone(self):
        with Sim() as sim:
            sim.open_line()
            fcntl.flock(sim.fd, fcntl.LOCK_EX)
            self.words(sim, DEVICE, "in use by another program")

    def test_wrong_command_lines(self):
        for args in ((), ("bms",), ("bms", "a", "b"), ("dance", "x"), ("can", "x", "-t", "0"),
                     ("can", "x", "-t", "soon"), ("bms", "x", "--wrong")):
            result = probe(*args)
            self.assertEqual(result.returncode, USAGE, args)
            self.assertIn(b"usage: ", result.stderr)
        self.assertIn(b"at most 86400", probe("can", "x", "-t", "1e99").stderr)


class Can(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="jkp-probe.")
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "bus")

    def listen(self, frames, *args):
        """Probe a bus on which somebody says frames; None = nothing."""
        bus = Bus(self.path)
        self.addCleanup(bus.close)

        def talk():
            bus.accept()
            for _ in range(3):
                for ident in frames:
                    bus.send(ident, bytes(8))
                time.sleep(0.2)

        talker = threading.Thread(target=talk)
        talker.start()
        result = probe("can", "unix:" + self.path, "-t", "0.8", *args)
        talker.join()
        return result

    def test_inverter_is_there(self):
        result = self.listen([0x305])
        self.assertEqual(result.returncode, GOOD)
        self.assertRegex(result.stdout.decode(), r"305 +3 x.*inverter is alive")
        self.assertIn(b"verdict: good: the inverter is there", result.stdout)

    def test_json(self):
        found = json.loads(self.listen([0x305, 0x351], "--json").stdout)
        self.assertTrue(found["good"] and found["alive"])
        self.assertEqual(found["ids"]["351"]["count"], 3)
        self.assertAlmostEqual(found["ids"]["305"]["period_ms"], 200, delta=100)

    def test_battery_without_inverter(self):
        result = self.listen([0x351, 0x355])
        self.assertEqual(result.returncode, BROKEN)
        self.assertIn(b"no inverter answers", result.stdout)
        self.assertIn(b"next: ", result.stdout)

    def test_strangers(self):
        result = self.listen([0x123])
        self.assertEqual(result.returncode, BROKEN)
        self.assertIn(b"no Pylontech inverter", result.stdout)

    def test_silent_bus(self):
        result = self.listen([])
        self.assertEqual(result.returncode, BROKEN)
        self.assertIn(b"verdict: silent", result.stdout)

    def test_remote_frames_are_no_inverter(self):
        result = self.listen([0x40000305])
        self.assertEqual(result.returncode, BROKEN)
        self.assertIn(b"3 remote frames", result.stdout)
        self.assertIn(b"no Pylontech inverter", result.stdout)

    def test_remote_frames_in_json(self):
        found = json.loads(self.listen([0x40000305, 0x40000351], "--json").stdout)
        self.assertEqual((found["good"], found["alive"], found["remote"]), (False, False, 6))
        self.assertEqual(found["ids"], {})

    def test_logs_are_refused(self):
        log = os.path.join(self.folder.name, "x.log")
        with open(log, "w", encoding="ascii") as f:
            f.write("can0 305#0000000000000000\n")
        for name in ("-", log):
            result = probe("can", name)
            self.assertEqual((result.returncode, result.stdout), (USAGE, b""))
            self.assertRegex(result.stderr.decode(), f"{name} .*is a log.*jkpylon-canview"
                             if name == log else "standard input.*is a log.*jkpylon-canview")

    def test_a_signal_ends_the_listening_with_a_verdict(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            path = self.path + str(int(number))
            bus = Bus(path)
            self.addCleanup(bus.close)
            with subprocess.Popen([PROBE, "can", "unix:" + path, "-t", "60"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                bus.accept()
                self.assertIn(b"listening", process.stdout.readline())
                bus.send(0x305, bytes(8))
                time.sleep(0.3 * SLOW)
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
            self.assertEqual((process.returncode, err), (GOOD, b""))
            self.assertRegex(out.decode(), r"stopped after \d+\.\d s\n(.*\n)+verdict: good")

    def test_no_bus(self):
        for name in ("unix:" + self.path, "nosuchcan0"):
            result = probe("can", name)
            self.assertEqual(result.returncode, DEVICE)
            self.assertIn(name.encode(), result.stderr)


if __name__ == "__main__":
    unittest.main()
