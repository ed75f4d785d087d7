#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-sim sems and jkpylon-probe sems: the leg to the portal over https, good and broken in every
way that a portal can be.

Environment: JKP_SIM, JKP_PROBE.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

from sems_bench import STATION, Portal, no_secret

PROBE = os.environ["JKP_PROBE"]
SLOW = os.environ.get("JKP_SLOW") == "1"
LATE_S = 8 if SLOW else 1.5
LEGACY = {"portal": "legacy", "station": STATION}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.portal = Portal().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.portal.__exit__(None, None, None)

    def setUp(self):
        p = self.portal
        p.tell("heal", "power 800", "soc 61", "grid 0", "stamp run", "stations 1", "expire")
        self.before = p.status()

    def probe(self, *args, **changes):
        """Return: exit status, what it said. No secret is in it, whatever happens."""
        run = subprocess.run([PROBE, "sems", self.portal.configuration(**changes), *args],
                             capture_output=True, text=True, timeout=60, check=False)
        said = run.stdout + run.stderr
        self.assertIsNone(no_secret(said), said)
        return run.returncode, said

    def count(self, name):
        return self.portal.status()[name] - self.before[name]

    def fails(self, verdict, words=None, **changes):
        """The probe says this verdict, and in words what to try next."""
        rc, said = self.probe("--json", **changes)
        self.assertEqual(rc, 3, said)
        found = json.loads(said)
        self.assertEqual(found["verdict"], verdict, said)
        self.assertTrue(found["next"])
        if words:
            rc, said = self.probe(**changes)
            self.assertEqual(rc, 3, said)
            self.assertIn(words, said)
            self.assertIn("\nnext: ", said)
        return found


class Good(Case):
    def test_plus(self):
        rc, said = self.probe()
        self.assertEqual(rc, 0, said)
        for words in ("charging", "800 W", "61 %", "the portal says what the battery does", "next:"):
            self.assertIn(words, said)
        status = self.portal.status()
        self.assertEqual([self.count(k) for k in ("logins", "lists", "reads", "bad")], [1, 1, 1, 0],
                         status["why"])

    def test_plus_directions(self):
        for power, mode in ((-1500, "discharging"), (0, "at rest"), (3000, "charging")):
            self.portal.tell(f"power {power}", "grid -200")
            rc, said = self.probe("--json")
            found = json.loads(said)
            self.assertEqual((rc, found["mode"], found["power_w"], found["grid_power_w"]),
                             (0, mode, power, -200))
        self.portal.tell("power none")
        rc, said = self.probe("--json")
        self.assertEqual((rc, json.loads(said)["mode"]), (0, "no battery"))

    def test_legacy(self):
        rc, said = self.probe("--json", **LEGACY)
        found = json.loads(said)
        self.assertEqual(rc, 0, said)
        self.assertEqual((found["mode"], found["power_w"], found["current_ma"], found["voltage_mv"],
                          found["soc_pct"], found["shape"]),
                         ("charging", 800, 15400, 52000, 61, "monitor"))
        self.assertEqual(self.count("bad"), 0, self.portal.status()["why"])

    def test_legacy_garbage_of_an_inverter_without_battery(self):
        self.portal.tell("power none")
        rc, said = self.probe("--json", **LEGACY)
        self.assertEqual((rc, json.loads(said)["mode"]), (0, "no battery"))

    def test_redirect_within_the_list_is_followed(self):
        self.portal.tell("fault own")
        rc, said = self.probe()
        self.assertEqual(rc, 0, said)
        self.assertEqual((self.count("logins"), self.count("requests")), (1, 6))

    def test_station_configured_asks_for_none(self):
        rc, said = self.probe(station=STATION)
        self.assertEqual((rc, self.count("lists")), (0, 0), said)


class Broken(Case):
    def test_SAF_13_certificate_of_another_authority_is_refused(self):
        self.portal.tell("cert authority")
        self.fails("certificate", "not proven to be the portal")
        self.assertEqual(self.count("requests"), 0, "nothing was said to it")

    def test_SAF_13_certificate_for_another_name_is_refused(self):
        self.portal.tell("cert name")
        self.fails("certificate")
        self.assertEqual(self.count("requests"), 0)

    def test_SAF_13_test_authority_is_not_one_of_the_system(self):
        self.fails("certificate", ca_file=None)
        self.assertEqual(self.count("requests"), 0)

    def test_SAF_13_redirect_to_a_foreign_host_is_refused(self):
        self.portal.tell("fault foreign")
        self.fails("foreign host", "not in sems.hosts")
        self.assertEqual((self.count("foreign"), self.count("logins")), (0, 0))

    def test_SAF_13_login_that_leads_to_a_foreign_host_is_refused(self):
        self.portal.tell("fault api")
        self.fails("foreign host")
        self.assertEqual((self.count("foreign"), self.count("reads")), (0, 0))

    def test_host_that_is_not_in_the_list_is_never_asked(self):
        self.fails("foreign host", hosts="semsportal.com goodwe.com")
        self.assertEqual(self.count("connections"), 0)

    def test_FLT_38_hang_ends_in_time(self):
        self.timed("hang", "too slow")

    def test_FLT_38_byte_a_second_ends_in_time(self):
        self.timed("slow", "too slow")

    def timed(self, fault, verdict):
        self.portal.tell("fault " + fault)
        begin = time.monotonic()
        self.fails(verdict)
        took = time.monotonic() - begin
        self.assertTrue(1.8 < took < 2.0 + LATE_S, f"{took:.2f} s")

    def test_FLT_38_body_of_10_MB(self):
        self.portal.tell("fault huge")
        self.fails("too much", "larger than any good one")

    def test_FLT_38_depth_number_of_values_headers(self):
        for fault in ("deep", "many", "headers"):
            self.portal.tell("fault " + fault)
            self.fails("too much")

    def test_FLT_38_garbage_and_cut_off(self):
        for fault in ("garbage", "truncate"):
            self.portal.tell("fault " + fault)
            self.fails("not JSON", "cut off or no JSON")

    def test_FLT_38_connection_closed_and_no_tls(self):
        self.portal.tell("fault close")
        self.fails("unreachable")
        self.portal.tell("fault plain")
        self.fails("TLS", "no encrypted connection")

    def test_FLT_38_status_of_http(self):
        for status, verdict in ((500, "HTTP status"), (503, "HTTP status"), (404, "HTTP 404"),
                                (429, "too many requests"), (401, "session ended")):
            self.portal.tell(f"http {status}")
            self.assertEqual(self.fails(verdict)["status"], status)

    def test_FLT_38_login_loop_ends(self):
        self.portal.tell("fault loop")
        self.fails("session ended", "ends as soon as it begins")
        self.assertEqual(self.count("logins"), 2, "one for each of two tries")

    def test_FLT_38_dns(self):
        # Where no name server answers, the resolver itself hangs: that is told as well.
        rc, said = self.probe("--json", hosts="localhost invalid.test",
                              plus_login="https://no-such-host.invalid.test/login")
        self.assertEqual(rc, 3, said)
        self.assertIn(json.loads(said)["verdict"], ("unknown host", "name service silent"))

    def test_FLT_38_nobody_listens(self):
        with Portal() as gone:
            path = gone.configuration()
            gone.remove()
            run = subprocess.run([PROBE, "sems", path], capture_output=True, text=True, timeout=30,
                                 check=False)
        self.assertEqual(run.returncode, 3, run.stdout)
        self.assertIn("cannot be reached", run.stdout)

    def test_dead_interface_answers_empty(self):
        self.portal.tell("fault empty")
        self.fails("empty", "without values of a battery")
        self.fails("empty", **LEGACY)

    def test_every_code_of_the_values(self):
        for code, verdict in (("100000", "refused"), ("100004", "refused"), ("R0305", "refused"),
                              ("S0327", "refused"), ("innerexception", "refused"),
                              ("nobody-knows", "refused"), ("100001", "session ended"),
                              ("100002", "session ended"), ("C0602", "session ended"),
                              ("100005", "wrong password"), ("A0230", "wrong password"),
                              ("100025", "not allowed"), ("GY0429", "too many requests")):
            self.portal.tell("code " + code)
            found = self.fails(verdict, station=STATION)
            self.assertEqual(found["stage"], "values")
            self.assertTrue(code.replace("-", "?").startswith(found["code"]), found)

    def test_every_code_of_the_login(self):
        for code, verdict in (("100005", "wrong password"), ("A0201", "wrong password"),
                              ("100000", "refused"), ("GY0429", "too many requests"),
                              ("0", "empty"), ("00000", "empty")):
            self.portal.tell("login " + code)
            self.assertEqual(self.fails(verdict)["stage"], "login")
        self.portal.tell("login 100005")
        self.fails("wrong password", "refuses account or password")

    def test_codes_are_settings(self):
        self.portal.tell("code 4711")
        self.fails("refused", station=STATION)
        self.fails("too many requests", station=STATION, busy="GY0429 47*")
        self.fails("not allowed", station=STATION, forbidden="4711")

    def test_wrong_password_is_told_without_it(self):
        login = self.portal.dir / "other"
        login.write_text("probe@example.com\nnot-this-one\n", encoding="utf-8")
        login.chmod(0o600)
        rc, said = self.probe(login_file=str(login))
        self.assertEqual(rc, 3, said)
        self.assertIn("refuses account or password (code 100005)", said)
        self.assertNotIn("not-this-one", said)

    def test_stations(self):
        self.portal.tell("stations 3")
        self.fails("several stations", "plant " + STATION[:-1] + "2")
        self.portal.tell("stations 0")
        self.fails("no station", "has no plant")

    def test_garbage_values(self):
        for data, verdict in (
                ({"pBat": 65535, "soc": 50}, "implausible"),
                ({"pBat": 0.5, "soc": 400}, "implausible"),
                ({"pBat": "many", "soc": 50}, "implausible"),
                ({"pBat": -0.5, "soc": 50, "flows": {"pBat": ["pConsum"]}}, "contradictory"),
                ({"pBat": 0.5, "soc": 50, "flows": {"pGrid": ["pConsum"]}}, "contradictory"),
                ({"soc": 50, "pConsum": 1}, "empty"), ({"pBat": None, "soc": 3, "pGrid": 1}, "empty"),
                ("", "empty"), ([], "empty"), (None, "good")):
            self.portal.tell("values " + json.dumps(data) if data is not None else "values")
            if verdict == "good":
                self.assertEqual(self.probe()[0], 0)
            else:
                self.fails(verdict)

    def test_FLT_58_login_file_that_others_can_read(self):
        self.portal.login.chmod(0o644)
        try:
            rc, said = self.probe()
        finally:
            self.portal.login.chmod(0o600)
        self.assertEqual(rc, 1, said)
        self.assertIn("others can read this secret", said)
        self.assertEqual(self.count("connections"), 0)

    def test_credential(self):
        folder = self.portal.dir / "credentials"
        folder.mkdir(exist_ok=True)
        (folder / "sems").write_bytes(self.portal.login.read_bytes())
        path = self.portal.configuration(login_file="credential:sems")
        good = subprocess.run([PROBE, "sems", path], capture_output=True, text=True, timeout=30,
                              check=False, env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)})
        self.assertEqual(good.returncode, 0, good.stdout)
        self.fails("no login file", "two lines, account and password", login_file="credential:sems")

    def test_login_file_with_less(self):
        for text in ("", "probe@example.com\n", "\nx\n", "probe@example.com\n\n", "x" * 300 + "\ny\n"):
            path = self.portal.dir / "short"
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
            self.fails("no login file", login_file=str(path))

    def test_command_line_and_configuration(self):
        run = subprocess.run([PROBE, "sems", "/nonexistent"], capture_output=True, text=True,
                             timeout=30, check=False)
        self.assertEqual(run.returncode, 1)
        rc, said = self.probe(login_file=None, portal="none")
        self.assertEqual(rc, 1)
        self.assertIn("names no login", said)
        rc, said = self.probe(portal="legacy")
        self.assertEqual(rc, 1)
        self.assertIn("sems.station", said)

    def test_configuration_without_a_line_to_blame_names_the_file_alone(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("[bms]\ndevice = /dev/ttyUSB9\n")
            f.flush()
            run = subprocess.run([PROBE, "sems", f.name], capture_output=True, text=True, timeout=10,
                                 check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn(f"{f.name}: can.interface is missing", run.stderr)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False, verbosity=2).result.wasSuccessful())
