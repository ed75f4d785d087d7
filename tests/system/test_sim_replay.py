#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-replay: a recording of the daemon gives the frames that were on the bus; bad traces."""

import os
import socket
import subprocess
import threading
import time
import unittest

from sim_bench import CAN_FRAME, SLOW, Sim, wait_until

REPLAY = os.environ["JKP_REPLAY"]
DAEMON = os.environ["JKPYLON"]
GOLDEN = os.path.join(os.environ["JKP_SOURCE_DIR"], "tests", "unit", "tools", "replay_cell_high")
SAME, USAGE, UNREADABLE, DIFFERS = 0, 1, 2, 3
HEAD = "# jkpylon-trace 1\nC bms.device=/dev/ttyUSB0\nC can.interface=can0\nI 1000 1000\n"

CONFIG = """
[bms]
device = {link}
[can]
interface = unix:{bus}
manage = no
[limits]
rise = 20A/s
calm = 0s
[rt]
required = no
stats = {folder}/stats
[failsafe]
state = {folder}/state
[recorder]
trace = {folder}/trace
"""


def replay(*args, data=None):
    return subprocess.run(
        [REPLAY, *args], input=data, capture_output=True, text=True, timeout=120, check=False
    )


class Listener(threading.Thread):
    """A node on the bench bus that writes down what the daemon says."""

    def __init__(self, path):
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.frames = []

    def run(self):
        while True:
            record = self.socket.recv(CAN_FRAME.size)
            if not record:
                self.socket.close()
                return
            ident, length, data = CAN_FRAME.unpack(record)
            if ident != 0x305:
                self.frames.append(f"{ident:03X}#{data[:length].hex().upper()}")


class Recording(unittest.TestCase):
    def record(self, sim, seconds):
        config = os.path.join(sim.dir, "conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(link=sim.link, bus=sim.bus_path, folder=sim.dir))
        with open(os.path.join(sim.dir, "daemon.log"), "w", encoding="ascii") as log:
            daemon = subprocess.Popen([DAEMON, "--config", config], stdout=log, stderr=log)
        try:
            self.assertTrue(wait_until(lambda: os.path.exists(sim.bus_path)))
            listener = Listener(sim.bus_path)
            listener.start()
            time.sleep(seconds / 2)
            sim.ok("cell 3 3.560")
            time.sleep(seconds / 2)
            daemon.terminate()
            self.assertEqual(daemon.wait(30), 0)
            listener.join(10)
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
        return listener.frames

    def test_replay_sends_what_the_daemon_sent(self):
        with Sim("--inverter", "BUS", "--sun", "2500") as sim:
            heard = self.record(sim, 5 * SLOW)
            result = replay(os.path.join(sim.dir, "trace"))
            self.assertEqual(result.returncode, SAME, result.stderr)
            self.assertNotIn("missing", result.stderr)
            lines = [line.split(" ", 1) for line in result.stdout.splitlines()]
            sent = [line[1] for line in lines if len(line) == 2 and line[1][3:4] == "#"]
            # The daemon speaks before the listener is there only if the machine is very slow.
            self.assertGreater(len(heard), 15)
            self.assertEqual(sent[len(sent) - len(heard) :], heard)
            self.assertLessEqual(len(sent) - len(heard), 6)
            self.assertIn("charge limit 0 mA by cell-high", result.stdout)
            self.assertEqual(replay(os.path.join(sim.dir, "trace")).stdout, result.stdout)


class Golden(unittest.TestCase):
    def test_equal(self):
        result = replay("--expect", GOLDEN + ".golden", GOLDEN + ".trace")
        self.assertEqual((result.returncode, result.stdout), (SAME, ""), result.stderr)

    def test_first_difference_is_reported(self):
        with open(GOLDEN + ".golden", encoding="ascii") as f:
            lines = f.read().splitlines(keepends=True)
        with Sim() as sim:
            path = os.path.join(sim.dir, "wrong")
            for changed, expected in (
                (lines[:9] + ["something else\n"] + lines[10:], ":10: first difference"),
                (lines[:-1], f":{len(lines)}: first difference"),
                (lines + ["more\n"], f":{len(lines) + 1}: first difference"),
            ):
                with open(path, "w", encoding="ascii") as f:
                    f.writelines(changed)
                result = replay("--expect", path, GOLDEN + ".trace")
                self.assertEqual(result.returncode, DIFFERS)
                self.assertIn(path + expected, result.stderr)

    def test_requests_are_shown_on_demand(self):
        plain = replay(GOLDEN + ".trace").stdout
        self.assertNotIn(" request\n", plain)
        with_requests = replay("--requests", GOLDEN + ".trace").stdout
        self.assertGreater(with_requests.count(" request\n"), 10)
        kept = [line for line in with_requests.splitlines() if not line.endswith(" request")]
        self.assertEqual(kept, plain.splitlines())

    def test_standard_input(self):
        with open(GOLDEN + ".trace", encoding="ascii") as f:
            text = f.read()
        self.assertEqual(replay("-", data=text).stdout, replay(GOLDEN + ".trace").stdout)
        cut = replay("-", data=text[: text.rindex("\nZ")] + "\n")
        self.assertEqual(cut.returncode, SAME)
        self.assertIn("no end mark", cut.stderr)


    def test_a_trace_that_is_cut_off_anywhere_is_repeated_up_to_there(self):
        with open(GOLDEN + ".trace", encoding="ascii") as f:
            text = f.read()
        start = text.index("\nS ") + 1
        whole = replay(GOLDEN + ".trace").stdout
        for end in list(range(len(text) - 1, len(text) - 90, -1)) + [start + 1, start + 5]:
            cut = replay("-", data=text[:end])
            self.assertEqual(cut.returncode, SAME, (text[end - 20 : end], cut.stderr))
            self.assertIn("cut off", cut.stderr)
            self.assertTrue(whole.startswith(cut.stdout[: -len("end\n")]))
            last_line = text.rindex("\n", 0, end) + 1
            self.assertEqual(cut.stdout, replay("-", data=text[:last_line]).stdout)

    def test_lines_that_end_with_cr_lf(self):
        with open(GOLDEN + ".trace", encoding="ascii") as f:
            text = f.read()
        result = replay("-", data=text.replace("\n", "\r\n"))
        self.assertEqual((result.returncode, result.stdout),
                         (SAME, replay(GOLDEN + ".trace").stdout), result.stderr)

    def test_picture_of_a_long_run_shows_every_short_state(self):
        """More steps than it has points; the relay is open in some of them for one step."""
        at = range(301, 12000, 777)
        lines = []
        for i in range(12000):
            t_ns = 1000 + i * 200_000_000
            lines.append(f"S {t_ns} {t_ns} 1")
            if i in at:
                lines.append("G 1 0")
            elif i == 0 or i - 1 in at:
                lines.append("G 2 0")
        r = replay("--svg", "-", "-", data=HEAD + "\n".join(lines) + "\nZ\n")
        self.assertEqual(r.returncode, SAME, r.stderr)
        self.assertEqual(r.stdout.count("class='s open'"), len(at))

    def test_picture_of_nothing_but_changes_is_bounded(self):
        lines = [f"S {1000 + i * 20_000_000} {1000 + i * 20_000_000} 1\nG {1 + i % 2} 0" for i in range(12000)]
        r = replay("--svg", "-", "-", data=HEAD + "\n".join(lines) + "\nZ\n")
        self.assertEqual(r.returncode, SAME, r.stderr)
        self.assertIn("</svg>", r.stdout)
        self.assertLess(r.stdout.count("<rect"), 4100)

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([REPLAY, GOLDEN + ".trace"], stdout=full,
                                    stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(result.returncode, UNREADABLE)
        self.assertIn(b"cannot write the output", result.stderr)


class Wrong(unittest.TestCase):
    def refused(self, text, message, status=USAGE):
        result = replay("-", data=text)
        self.assertEqual(result.returncode, status, (text, result.stderr))
        self.assertRegex(result.stderr, message)

    def test_traces_that_are_not_understood(self):
        step = "S 1000 1000 5\n"
        rows = (
            ("", ":1: no input trace"),
            ("# jkpylon-trace 3\n", ":1: no input trace"),
            ("# jkpylon-trace 2\n", "ends before the I line"),
            ("# jkpylon-trace 1\n", "ends before the I line"),
            ("# jkpylon-trace 1\nC nonsense\nI 1 1\n", ":2: expected C section"),
            ("# jkpylon-trace 1\nC bms.dewice=x\nI 1 1\n", ":2: .*dewice"),
            ("# jkpylon-trace 1\nI 1 1\n", "device"),
            (HEAD + "I 1 1\n", ":5: expected S, X or Z"),
            (HEAD + "S 1\n", ":5: S: "),
            (HEAD + "S 1 1 ff\n", ":5: S: "),
            (HEAD + "S 5 5 5\n", ":5: time goes back"),
            (HEAD + step + "S 999 1000 5\n", "time goes back"),
            (HEAD + step + "R 123\n", ":6: R: "),
            (HEAD + step + "R zz\n", ":6: R: "),
            (HEAD + step + "R " + "00" * 513 + "\n", ":6: R: .*512"),
            (HEAD + step + "F 351\n", ":6: line 'F'"),
            (HEAD + step + "F 351#00 x\n", ":6: F: "),
            (HEAD + step + "F 800#00 b\n", ":6: F: "),
            (HEAD + step + "F 305#00 b\n" * 33, ":38: F: more than 32"),
            (HEAD + step + "K 1 1 1 1\n" * 5, ":10: K: more than 4"),
            (HEAD + step + "K 1 1 1 x\n", ":6: K: "),
            (HEAD + step + "E - 0\n", ":6: line 'E'"),
            (HEAD + step + "M 1\n", ":6: line 'M'"),
            (HEAD + step + "M 1 x 0\n", ":6: M: "),
            (HEAD + step + "P l 1 1 4 - - -\n", ":6: line 'P'"),
            (HEAD + step + "P x 1 1 4 - - - -\n", ":6: P: "),
            (HEAD + step + "P l 1 1 -4 - - - -\n", ":6: P: "),
            (HEAD + step + "D 1x\n", ":6: line 'D'"),
            (HEAD + step + "Q\n", ":6: line 'Q'"),
            (HEAD + step + "L one\n", ":6: line 'L'"),
        )
        for text, message in rows:
            self.refused(text, message)

    def test_a_gap_in_the_recording_is_told(self):
        result = replay("-", data=HEAD + "S 1000 1000 5\nX 7\nS 2000 2000 5\nZ\n")
        self.assertEqual(result.returncode, SAME, result.stderr)
        self.assertIn("lost 7 steps", result.stdout)
        self.assertIn("7 steps are missing", result.stderr)

    def test_words_of_grid_and_other_inverter_reach_the_core(self):
        head = HEAD.replace("trace 1", "trace 2")
        config = ("sma.enabled=yes", "sma.interface=eth0", "sma.fallback=cap:7A", "arbiter.grace=0s")
        head = head.replace("I 1000", "".join(f"C {line}\n" for line in config) + "I 1000", 1)
        step = "S 1000 1000 5\n"
        for lines in ("", "M - - 0\n", "M 1000 -500 7\nP l 1000 1 4 20000 1000 50000 60\n",
                      "P p - 2 0 - - - -\n"):
            result = replay("-", data=head + step + lines + "Z\n")
            self.assertEqual(result.returncode, SAME, (lines, result.stderr))
        heard = replay("-", data=head + step + "M 1000 -500 7\nP l 1000 1 4 20000 - - -\nZ\n")
        self.assertIn("grid meter is heard", heard.stdout)
        self.assertIn("arbiter: discharge at most 0 A, interlock", heard.stdout)

    def test_held_values_reach_the_core(self):
        held = HEAD.replace("I 1000 1000", "I 60000000000 60000000000")
        held += "H 59000000000 52280 0 215 60 16 0 0 0 0 - - - 0 0 0 0 0 -\nS 60000000000 60000000000 5\nZ\n"
        self.assertIn("HELD_VALUES", replay("-", data=held).stdout)

    def test_files_and_command_line(self):
        self.assertEqual(replay("/nonexistent").returncode, UNREADABLE)
        missing = replay("--expect", "/nonexistent", GOLDEN + ".trace")
        self.assertEqual(missing.returncode, UNREADABLE)
        self.assertEqual(
            missing.stderr, "jkpylon-replay: /nonexistent: No such file or directory\n"
        )
        for args in ((), ("a", "b"), ("--wrong", "a")):
            self.assertEqual(replay(*args).returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
