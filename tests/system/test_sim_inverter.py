#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-sim: the inverter obeys with its delay, or does not on command."""

import os
import time
import unittest

from sim_bench import Bus, Sim, SLOW, wait_until

CVL_V = 56.0


class Inverter(unittest.TestCase):
    def start(self, *args):
        self.sim = Sim("--inverter", "BUS", *args).__enter__()
        self.addCleanup(self.sim.__exit__)
        self.bus = Bus(self.sim.bus_path)
        self.addCleanup(self.bus.close)
        self.bus.accept()

    def current(self):
        return self.sim.status()["current_a"]

    def becomes(self, amps, seconds=3.0):
        found = wait_until(lambda: abs(self.current() - amps) < 0.3, seconds)
        self.assertTrue(found, f"{self.current()} A, expected {amps} A")

    def stays(self, amps, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertLess(abs(self.current() - amps), 0.3)
            time.sleep(0.05)

    def test_does_nothing_before_it_heard_a_limit(self):
        self.start("--sun", "3000")
        self.stays(0, 1.0)

    def test_says_every_second_that_it_is_alive(self):
        self.start()
        times = []
        for _ in range(3):
            self.assertEqual(self.bus.receive(3), (0x305, bytes(8)))
            times.append(time.monotonic())
        self.assertAlmostEqual(times[2] - times[1], 1.0, delta=0.2 * SLOW)
        self.sim.ok("inverter alive off")
        self.assertIsNone(self.bus.receive(1.5))

    def test_obeys_two_seconds_later(self):
        self.start("--sun", "5000")
        self.bus.limits(CVL_V, 20, 20)
        sent = time.monotonic()
        self.becomes(20, 4)
        self.assertGreaterEqual(time.monotonic() - sent, 1.9)
        self.bus.limits(CVL_V, 0, 20)
        sent = time.monotonic()
        self.stays(20, 1.5)
        self.becomes(0, 2)
        self.assertGreaterEqual(time.monotonic() - sent, 1.9)

    def test_delay_can_be_set(self):
        self.start("--sun", "5000")
        self.sim.ok("inverter delay 0.2")
        self.bus.limits(CVL_V, 10, 10)
        self.becomes(10, 1)

    def test_sun_charges_load_discharges_within_the_limits(self):
        self.start()
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 30, 25)
        self.sim.ok("sun 524")
        self.becomes(10)
        self.sim.ok("sun 9000")
        self.becomes(30)
        self.sim.ok("sun 0")
        self.sim.ok("load 520")
        self.becomes(-10)
        self.sim.ok("load 9000")
        self.becomes(-25)
        self.bus.limits(CVL_V, 300, 300)
        self.becomes(-60)  # what it can do at most
        self.sim.ok("inverter max 40")
        self.becomes(-40)

    def test_enable_bits(self):
        self.start("--sun", "9000")
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 30, 30)
        self.becomes(30)
        self.bus.limits(CVL_V, 30, 30, 0x40)
        self.becomes(0)
        self.sim.ok("sun 0")
        self.sim.ok("load 9000")
        self.becomes(-30)
        self.bus.limits(CVL_V, 30, 30, 0x80)
        self.becomes(0)

    def test_charge_voltage_limit(self):
        self.start("--sun", "9000")
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 30, 30)
        self.becomes(30)
        volts = self.sim.status()["pack_v"]
        self.bus.limits(volts - 0.2, 30, 30)
        found = wait_until(lambda: self.sim.status()["pack_v"] < volts - 0.1)
        self.assertTrue(found)
        self.assertTrue(0 < self.current() < 29)
        self.bus.limits(50.0, 30, 30)
        self.becomes(0)

    def test_disobeys_on_command(self):
        self.start()
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 0, 0, 0)
        self.sim.ok("inverter disobey 20 0")
        self.becomes(20)
        self.sim.ok("inverter disobey 0 15")
        self.becomes(-15)
        self.sim.ok("inverter obey")
        self.becomes(0)

    def test_an_open_mosfet_stops_even_a_disobedient_one(self):
        self.start()
        self.sim.ok("inverter disobey 20 0")
        self.becomes(20)
        self.sim.ok("mos charge off")
        self.becomes(0)

    def test_keeps_the_last_limits_when_the_battery_falls_silent(self):
        self.start("--sun", "5000")
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 20, 20)
        self.becomes(20)
        self.stays(20, 2.0)
        self.sim.ok("inverter timeout 1")
        self.becomes(0)

    def test_silent_neither_hears_nor_speaks(self):
        self.start("--sun", "5000")
        self.sim.ok("inverter delay 0")
        self.bus.limits(CVL_V, 20, 20)
        self.becomes(20)
        self.sim.ok("inverter silent on")
        while self.bus.receive(0.1):
            pass
        self.bus.limits(CVL_V, 5, 5)
        self.assertIsNone(self.bus.receive(1.5))
        self.stays(20, 0.3)

    def test_comes_back_when_the_bus_is_made_anew(self):
        self.start()
        self.bus.close()
        self.assertTrue(wait_until(lambda: not self.sim.status()["inverter"]["connected"]))
        os.unlink(self.sim.bus_path)
        self.bus = Bus(self.sim.bus_path)
        self.addCleanup(self.bus.close)
        self.bus.accept()
        self.assertEqual(self.bus.receive(3), (0x305, bytes(8)))
        self.assertEqual(self.sim.status()["inverter"]["connects"], 2)


class NoBus(unittest.TestCase):
    def test_a_bus_that_is_not_there_is_told_once(self):
        for spec, reason in (("nosuchcan9", "no such interface"), ("BUS", "no daemon listens")):
            with Sim("--inverter", spec) as sim:
                said = wait_until(lambda: "inverter waits" in sim.log())
                self.assertTrue(said, sim.log())
                self.assertRegex(sim.log(), f"inverter waits for its bus: .*{reason}")
                time.sleep(1.2)  # two more attempts
                self.assertEqual(sim.log().count("inverter waits"), 1, sim.log())


class Direct(unittest.TestCase):
    def test_without_inverter_load_and_sun_act_at_once(self):
        with Sim("--sun", "524") as sim:
            self.assertTrue(wait_until(lambda: abs(sim.status()["current_a"] - 10) < 0.3))

    def test_speed_lets_the_model_run_faster(self):
        with Sim("--speed", "3600", "--soc", "50") as sim:
            sim.ok("current 11")  # a tenth of the capacity
            time.sleep(1.0)
            sim.ok("speed 0")
            soc = sim.status()["soc"]
            self.assertTrue(58 < soc < 62 + 10 * (SLOW - 1), soc)


if __name__ == "__main__":
    unittest.main()
