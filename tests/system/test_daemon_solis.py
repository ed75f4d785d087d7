#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the inverter understood, read on its RS485 port, against what the daemon says on CAN: it is
told, and it changes nothing.

Environment: see daemon_bench.py.
"""

import contextlib
import os
import pathlib
import signal
import sys
import time

from daemon_bench import IDS, SLOW, Bench, Standstill, check, limits, main, now, wait_for
from modbus_bench import CHARGE, FAULTS, SOC, Solis

PERIOD_S = 0.005  # of the cycle
POLL_S = 2
PATIENCE_S = 5
# A scheduler that is late, and the interpreter.
MARGIN_S = 3.0 if SLOW else 0.5
WAIT_S = 60 if SLOW else 20
STOP_S = 1.5 + 1.0 + MARGIN_S  # the last words, and an answer that is not waited for


class SolisBench(Bench):
    """Adds an inverter on RS485 that understands all that it hears on CAN."""

    def __enter__(self):
        super().__enter__()
        self.solis = Solis(self.dir / "rs485")
        return self

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.solis.close()

    def text(self, **changes):
        return super().text(**{"solis_device": self.solis.link, "solis_poll": f"{POLL_S}s",
                               "solis_patience": f"{PATIENCE_S}s", "limits_rise": "100A/s",
                               "can_set": "200ms",  # so that limits that rest are soon seen
                               **changes})

    def last(self, ident):
        return self.node.of(ident)[-1]

    def understand(self):
        """The inverter takes over what the newest frames say."""
        charge, discharge = limits(self.last(0x351))
        voltage = int.from_bytes(self.last(0x356).data[0:2], "little") / 100
        soc = int.from_bytes(self.last(0x355).data[0:2], "little")
        self.solis.understand(charge, discharge, voltage, soc)

    def start_steady(self, **options):
        """A daemon whose limits have risen as far as they do."""
        d = self.start_running(**options)

        def steady():
            frames = self.node.of(0x351)[-3:]
            return len(frames) == 3 and len({limits(f) for f in frames}) == 1
        wait_for(steady, WAIT_S, "limits that rest\n" + d.log())
        return d

    def wait_log(self, daemon, text, seconds=WAIT_S, after=0):
        """The first line behind line number after that holds the text."""
        def look():
            return [line for line in daemon.lines[after:] if text in line]
        return wait_for(look, seconds, f'"{text}" in the log\n' + daemon.log())[0]


def bus_is_calm(b, begin, said):
    """A set at least once a second, none missing, all with the same limits."""
    frames = [f for f in b.node.frames if f.t >= begin]
    end = now()
    for ident in IDS:
        times = [f.t for f in frames if f.id == ident]
        check(len(times) >= int(end - begin) - 1, f"0x{ident:X}: {len(times)} in {end - begin} s")
        gaps = [y - x for x, y in zip(times, times[1:])]
        check(SLOW or all(g < 1.5 for g in gaps), f"0x{ident:X}: {max(gaps, default=0)} s apart")
    other = {limits(f) for f in frames if f.id == 0x351} - {said}
    check(not other, f"limits {other} besides {said}")


def cycles(b):
    v = b.stats.wait(5, "counters", lambda v: True)
    return now(), v["cycles"] + v["missed"], v["missed"]


def cycle_goes_on(b, since, standstill):
    """As many periods as time has passed, and none lost but a few, and those of the machine."""
    begin, before, missed = since
    end, after, missed_after = cycles(b)
    rate = (after - before) / (end - begin)
    lost, still_s = missed_after - missed, standstill.seconds()
    check(SLOW or 190 < rate < 210, f"{rate:.1f} cycles a second")
    check(SLOW or lost <= 20 + still_s / PERIOD_S,
          f"{lost} periods lost; the machine stood still for {still_s:.3f} s")


def test_agreement_is_told_once():
    with SolisBench() as b:
        d = b.start_steady()
        b.understand()
        b.solis.requests.clear()
        line = b.wait_log(d, "echo: the inverter understood what the bus says")
        check(line.startswith("<5>"), line)
        charge, discharge = limits(b.last(0x351))
        check(f"discharge {discharge:g} A" in line and f"charge {charge:g} A" in line, line)
        wait_for(lambda: len(b.solis.requests) >= 4, WAIT_S, "readings go on")
        gaps = [y - x for x, y in zip(b.solis.requests, b.solis.requests[1:])]
        check(all(g > POLL_S - 0.3 for g in gaps), f"readings {gaps} s apart")
        check(d.log().count("echo:") == 1, d.log())
        check(not b.solis.foreign, f"nothing but readings: {b.solis.foreign}")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check("Solis: registers read" in d.log() and d.lines[-1] == "<5>stopped", d.log())


def test_SAF_13_difference_is_told_after_its_time_and_changes_nothing():
    with contextlib.ExitStack() as stack, SolisBench() as b:
        d = b.start_steady()
        b.understand()
        b.wait_log(d, "echo: the inverter understood what the bus says")
        said = limits(b.last(0x351))
        standstill = stack.enter_context(Standstill())
        begin, *_ = since = cycles(b)
        b.solis.registers[CHARGE] += 123
        answers = b.solis.answers
        wait_for(lambda: b.solis.answers > answers, WAIT_S, "a reading that differs")
        first = now()
        line = b.wait_log(d, "echo: charge limit: ")
        check(now() - first >= PATIENCE_S - POLL_S / 2, f"told after {now() - first:.1f} s")
        check(line.startswith("<4>") and f"understood {said[0] + 12.3:g} A, the bus said {said[0]:g} A" in line,
              line)
        mark = len(d.lines)
        b.solis.registers[SOC] ^= 0xFF00
        b.wait_log(d, "echo: SoC: ", after=mark)
        # it goes on as long as it likes; one line is enough
        time.sleep(2 * POLL_S)
        check(d.log().count("echo: charge limit") == 1, d.log())
        bus_is_calm(b, begin, said)
        cycle_goes_on(b, since, standstill)
        check("ladder" not in "\n".join(d.lines[mark:]), d.log())
        mark = len(d.lines)
        b.understand()
        b.wait_log(d, "echo: the inverter understood what the bus says", after=mark)
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")


def test_a_limit_that_moves_is_no_difference():
    with SolisBench() as b:
        d = b.start_running(text=b.text(limits_rise="3A/s"))
        # The inverter is one reading behind, all the way up.
        for _ in range(6):
            asked = len(b.solis.requests)
            b.understand()
            wait_for(lambda n=asked: len(b.solis.requests) > n, WAIT_S, "a reading")
        rise = {limits(f)[1] for f in b.node.of(0x351)}
        check(len(rise) > 5, f"the limit moved: {rise}")
        check("echo: the inverter understood what" in d.log(), d.log())
        check("the bus said" not in d.log(), d.log())


def faults_change_nothing(faults):
    # Of each kind the first is told at once; the rest is counted.
    words = {"silent": "<4>Solis: no answer", "crc": "<4>Solis: damaged answer",
             "exception": "<4>Solis: the inverter refuses registers 33139 to 33146 (exception 2)"}
    with contextlib.ExitStack() as stack, SolisBench() as b:
        d = b.start_steady()
        b.understand()
        b.wait_log(d, "echo: the inverter understood what the bus says")
        said = limits(b.last(0x351))
        standstill = stack.enter_context(Standstill())
        begin, *_ = since = cycles(b)
        for fault in faults:
            b.solis.fault = fault
            asked = len(b.solis.requests)
            wait_for(lambda n=asked: len(b.solis.requests) > n + 1, WAIT_S, f"{fault}: asked again")
            if fault in words:
                b.wait_log(d, words[fault])
            b.solis.fault = None
            answers = b.solis.answers
            wait_for(lambda n=answers: b.solis.answers > n, WAIT_S, f"{fault}: an answer")
        bus_is_calm(b, begin, said)
        cycle_goes_on(b, since, standstill)
        check(d.log().count("echo:") == 1 and "ladder: caution" not in d.log(), d.log())
        # An answer that does not come is not waited for.
        b.solis.fault = "silent"
        asked = len(b.solis.requests)
        wait_for(lambda: len(b.solis.requests) > asked, WAIT_S, "asked")
        t0 = now()
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S) == 0, "exit code 0")
        check(now() - t0 < STOP_S, f"ended after {now() - t0:.2f} s")
        check(not b.solis.foreign, f"nothing but readings: {b.solis.foreign}")


def test_SAF_13_faults_of_the_line_change_nothing():
    faults_change_nothing(FAULTS[::2])


def test_SAF_13_unplugged_adapter_is_opened_again():
    with SolisBench() as b:
        d = b.start_steady()
        b.understand()
        b.wait_log(d, "echo: the inverter understood what the bus says")
        said = limits(b.last(0x351))
        begin = now()
        b.solis.unplug()
        b.wait_log(d, "Solis: RS485 device lost")
        b.wait_log(d, "Solis: solis.device cannot be opened (errno 2)")
        answers = b.solis.answers
        b.solis.plug()
        wait_for(lambda: b.solis.answers > answers + 1, WAIT_S, "readings go on\n" + d.log())
        bus_is_calm(b, begin, said)


def test_SAF_13_more_faults_of_the_line_change_nothing():
    faults_change_nothing(FAULTS[1::2])


def test_SAF_13_device_of_the_bms_by_another_name_is_left_alone():
    with SolisBench() as b:
        link = b.dir / "other-name"
        link.symlink_to(b.bms.device)
        d = b.start_steady(text=b.text(solis_device=str(link)))
        b.wait_log(d, "Solis: solis.device is the serial device of the BMS")
        said = limits(b.last(0x351))
        begin = now()
        time.sleep(3)
        bus_is_calm(b, begin, said)
        # By the same name it is refused before anything starts.
        d = b.start(b.text(solis_device=b.bms.device))
        check(d.wait(5) == 1, "exit code 1")
        check("solis.device" in d.log() and "against bms.device" in d.log(), d.log())


def test_SAF_13_absent_device_keeps_nothing_from_starting():
    with SolisBench() as b:
        b.solis.unplug()
        d = b.start_steady()
        b.wait_log(d, "Solis: solis.device cannot be opened (errno 2)")
        b.solis.plug()
        b.understand()
        b.wait_log(d, "echo: the inverter understood what the bus says")


def threads(daemon):
    folder = pathlib.Path(f"/proc/{daemon.worker()}/task")
    return {(folder / t / "comm").read_text(encoding="ascii").strip(): int(t)
            for t in os.listdir(folder)}


def test_thread_exists_only_where_it_is_wanted():
    with SolisBench() as b:
        d = b.start_running(text=b.text(solis_device="none"))
        check("solis" not in threads(d), f"{threads(d)}")
        d.signal(signal.SIGTERM)
        d.wait(STOP_S)
        check(not b.solis.requests and "Solis" not in d.log(), d.log())
    with SolisBench() as b:
        d = b.start_running()
        tid = threads(d).get("solis")
        check(tid, f"{threads(d)}")
        check(os.sched_getscheduler(tid) == os.SCHED_OTHER, "SCHED_OTHER")
        check(os.getpriority(os.PRIO_PROCESS, tid) == 10, "low priority")
    with SolisBench() as b:
        d = b.start(b.text(), args=["--dry-run"])
        wait_for(lambda: "would send" in d.log(), WAIT_S, "a dry run\n" + d.log())
        d.signal(signal.SIGTERM)
        d.wait(STOP_S)
        check(not b.solis.requests, "a dry run asks nobody")


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
