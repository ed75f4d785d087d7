#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FLT-54: descriptors run out, at the start and while the daemon runs: what talks to others suffers,
the cycle and the relay do not."""

import contextlib
import os
import pathlib
import resource
import sys

from daemon_bench import SLOW, check, limits, main, now, takes, wait_for
from mqtt_bench import MOSQUITTO, Broker
from test_daemon_guard import Guarded

LATE_S = 60 if SLOW else 15
LEAST, ENOUGH = 8, 21  # between them lies the smallest limit; the usual one is 1024
RECORDER = 4
STANDARD = 3  # 0, 1, 2


def limited(number):
    return ["prlimit", f"--nofile={number}:{number}"]


def starts(number, **changes):
    """Whether the daemon runs with this many descriptors; it says so where not."""
    with Guarded() as b:
        d = b.start(b.text(**changes), prefix=limited(number))
        wait_for(lambda: d.process.poll() is not None or b.relay.closed(), LATE_S, d.log())
        code = d.process.poll()
        if code is None:
            wait_for(lambda: any(limits(f)[1] > 0 for f in b.node.of(0x351)), LATE_S, "limits\n" + d.log())
            d.process.terminate()
            check(d.wait(LATE_S) == 0, f"a clean end with {number}\n{d.log()}")
            return True
        d.wait(LATE_S)
        errors = [line for line in d.lines if line.startswith("<3>")]
        check(not b.relay.closed() and not b.node.frames, f"{number}: nothing is closed or sent")
        check(code in (1, 2, 4), f"{number}: exit code {code}\n{d.log()}")
        check(any("raise RLIMIT_NOFILE" in line for line in errors), f"{number}: {errors}")
        return False


def test_FLT_54_SAF_11_too_few_descriptors_at_the_start():
    """From hardly any to enough: refused with the remedy, or all of it works. The node on the bench bus
    needs one as well: the recorder, which is optional and may take the last, is looked at alone."""
    runs = [number for number in range(LEAST, ENOUGH) if starts(number, recorder_ring="none")]
    check(runs and runs == list(range(runs[0], ENOUGH)), f"a smallest number, and no gap: {runs}")
    check(starts(ENOUGH + RECORDER), "enough for the recorder as well")
    print(f"        the daemon starts with {runs[0]} descriptors", flush=True)


@contextlib.contextmanager
def none_left(pid):
    """A process gets no descriptor any more; those that it has stay."""
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD, old[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, old)


def recorder_of(d):
    """Process id of the recorder of the state file, None if there is none."""
    path = pathlib.Path(f"/proc/{d.process.pid}/task/{d.process.pid}/children")
    for child in path.read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="ascii") == "jkpylon-state\n":
                return int(child)
    return None


def goes_on(b, d, text):
    """The cycle goes on, the relay stays closed, a whole set leaves every second."""
    before = b.stats.wait(5, "counters", lambda v: True)
    frames = len(b.node.of(0x359))
    b.stats.wait(LATE_S, f"cycles go on, {text}", lambda v: v["cycles"] > before["cycles"] + 400)
    wait_for(lambda: len(b.node.of(0x359)) >= frames + 2, LATE_S, f"frames, {text}\n{d.log()}")
    check(b.relay.closed() and limits(b.node.of(0x351)[-1])[1] > 0, f"{text}: {d.log()}")


@takes(20)
def test_FLT_54_SAF_13_descriptors_run_out_while_services_run():
    if not MOSQUITTO:
        return "mosquitto is not installed"
    with Guarded() as b:
        folder = b.dir / "broker"
        folder.mkdir(mode=0o700)
        broker = Broker(folder).start()
        try:
            d = b.closed(text=b.text(mqtt_host="127.0.0.1", mqtt_port=str(broker.port),
                                     mqtt_interval="1s", sma_enabled="yes", sma_interface="lo",
                                     goodwe_host="127.0.0.1"))
            wait_for(lambda: "MQTT: connected" in d.log(), LATE_S, d.log())
            wait_for(lambda: "SMA: listening" in d.log(), LATE_S, d.log())
            with none_left(d.worker()):
                broker.kill()
                broker.start()
                wait_for(lambda: "no descriptor is left for a connection (errno 24): raise "
                         "RLIMIT_NOFILE" in d.log(), LATE_S + 10, d.log())
                goes_on(b, d, "without descriptors")
                # What is open stays so, and is not blamed for it.
                check("sma.interface is not there" not in d.log(), d.log())
                check(d.log().count("MQTT: connected") == 1, d.log())
            wait_for(lambda: d.log().count("MQTT: connected") == 2, 70 + LATE_S, "the broker again")
            goes_on(b, d, "with descriptors")
            d.process.terminate()
            check(d.wait(LATE_S) == 0, f"a clean end\n{d.log()}")
        finally:
            broker.kill()
    return None


@takes(20)
def test_FLT_54_FLT_02_the_bms_cannot_be_opened_again():
    with Guarded(bms_trip="60s") as b:
        link = b.dir / "bms"
        link.symlink_to(b.bms.device)
        d = b.closed(text=b.text(bms_device=str(link)))
        with none_left(d.worker()):
            # The adapter is pulled and comes back.
            unplugged = b.bms
            b.bms = type(b.bms)(unplugged.frame)
            unplugged.close()
            link.unlink()
            link.symlink_to(b.bms.device)
            wait_for(lambda: f"cannot be opened again: {link}: cannot be opened: Too many open files: "
                     "raise RLIMIT_NOFILE" in d.log(), LATE_S, f"what failed\n{d.log()}")
            wait_for(lambda: limits(b.node.of(0x351)[-1]) == (0, 0), LATE_S, "0 A")
            check(b.relay.closed(), "before bms.trip the relay stays closed")
            told = d.log().count("cannot be opened again")
            check(told == 1, f"told {told} times")
        wait_for(lambda: limits(b.node.of(0x351)[-1])[1] > 0, LATE_S, f"the BMS is back\n{d.log()}")
        check(b.relay.closed(), d.log())


@takes(12)
def test_FLT_54_SAF_11_the_guard_has_none_left():
    """The relay opens when the worker dies, and neither that nor the recorder can be replaced. Later
    both are, and what was to be recorded is."""
    with Guarded() as b:
        d = b.closed()
        with none_left(d.process.pid):
            os.kill(recorder_of(d), 9)
            os.kill(d.worker(), 9)
            b.relay.wait(False, LATE_S, f"the relay opens\n{d.log()}")
            for text in ("cannot watch the worker", "recorder of the state file has ended and cannot be "
                         "started anew"):
                wait_for(lambda text=text: any(text in line and "raise RLIMIT_NOFILE" in line
                                               for line in d.lines), LATE_S, f"{text}\n{d.log()}")
            check(not b.relay.closed(), "and stays open")
        wait_for(lambda: recorder_of(d), LATE_S, f"the recorder is there again\n{d.log()}")
        b.closed_again(d)
        wait_for(lambda: limits(b.node.of(0x351)[-1])[1] > 0, LATE_S, f"a limit again\n{d.log()}")


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
