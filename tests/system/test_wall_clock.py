#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FLT-44: the daemon in the year 2040. The wall clock alone is ahead (wall.c, preloaded).

Environment: see daemon_bench.py; JKP_WALL is that library, JKP_CANVIEW jkpylon-canview.
"""

import calendar
import os
import re
import signal
import subprocess
import sys
import time

from daemon_bench import SLOW, check, limits, main, program, takes, wait_for
from mqtt_bench import MOSQUITTO, Broker, Client
from test_daemon_guard import Guarded

LATE_S = 60 if SLOW else 15
NEW_YEAR = calendar.timegm((2040, 1, 1, 12, 0, 0))


def ahead():
    return {"LD_PRELOAD": os.environ["JKP_WALL"], "JKP_WALL_AHEAD": str(NEW_YEAR - int(time.time())),
            "TZ": "UTC"}


def is_2040(seconds):
    return 0 <= seconds - NEW_YEAR < 600


@takes(15)
def test_FLT_44_SAF_14_stamps_after_2038():
    if SLOW:
        return "a sanitizer does not go with a preloaded library"
    if not MOSQUITTO:
        return "mosquitto is not installed"
    env = ahead()
    with Guarded() as b:
        folder = b.dir / "broker"
        folder.mkdir(mode=0o700)
        broker = Broker(folder).start()
        try:
            with Client(broker.port) as c:
                text = b.text(mqtt_host="127.0.0.1", mqtt_port=str(broker.port), mqtt_interval="1s",
                              recorder_trace=str(b.dir / "trace"))
                d = b.closed(text=text, env=env)
                told = c.wait_json("jkpylon/limits", LATE_S)
                check(is_2040(told["time"]), told)
                header = b.stats.header()
                check(is_2040(header["start_wall_s"]), header["start_wall_s"])
                log = subprocess.run([os.environ["JKP_CANVIEW"], "-x", "-n", "7", f"unix:{b.bus}"],
                                     capture_output=True, text=True, timeout=30, check=False,
                                     env={**os.environ, **env})
                stamps = [float(t) for t in re.findall(r"^\((\d+\.\d{6})\) \S+ \w+#", log.stdout, re.M)]
                check(len(stamps) == 7 and all(map(is_2040, stamps)), log)
                shown = subprocess.run([os.environ["JKP_CANVIEW"], "-a", "-"], input=log.stdout,
                                       capture_output=True, text=True, timeout=30, check=False,
                                       env={**os.environ, "TZ": "UTC"})
                check(shown.stdout.count("2040-01-01 12:0") == 7, shown)
                # Ages are of another clock: the BMS falls silent, and what follows comes in its time.
                b.bms.answers = False
                silent = b.bms.replies[-1]
                zero = wait_for(lambda: [f for f in b.node.of(0x351)
                                         if f.t > silent and limits(f) == (0, 0)], 10, d.log())
                check(2.5 < zero[0].t - silent < 4.5, f"0 A after {zero[0].t - silent:.1f} s")
                opened = b.relay.wait(False, 15, "the relay opens\n" + d.log())
                check(9.5 < opened - silent < 12, f"open after {opened - silent:.1f} s")
                d.signal(signal.SIGTERM)
                check(d.wait(LATE_S) == 3, d.log())
                # What the file says of it is read in its own time, by a program in ours.
                status = subprocess.run([program(), "--config", str(d.config), "--status"],
                                        capture_output=True, text=True, timeout=20, check=False,
                                        env=dict(os.environ))
                check("written 2040-01-01 12:0" in status.stdout, status)
        finally:
            broker.kill()
    return None


if __name__ == "__main__":
    sys.exit(main([test_FLT_44_SAF_14_stamps_after_2038]))
