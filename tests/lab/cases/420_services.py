# SPDX-License-Identifier: Apache-2.0
"""What happens to the services while the main job runs must not be seen in it. The wake-up of the
cycle is measured without services, then several times with a broker, a meter and another inverter
that answer, which gives what the measurement itself differs by; then with each fault. Time is the
number of instructions, as in 400_latency.py."""
TITLE = "SAF_13: services killed, stopped, flooded, starved: wake-up of the cycle, limits, relay"
MACHINE = "icount"
SECONDS = 900

import collections
import importlib
import os
import pathlib
import sys

from bench import STATS, check, limits

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
latency = importlib.import_module("400_latency")

LOOPS = 2000 if os.environ.get("JKP_LONG") == "1" else 600  # of 5 ms each
UNDISTURBED = 3  # times
BOUND = 1.25
CEILING_US = 100.0
SERIAL = 1900202586
FLOOD = 1000  # a second
PLAIN = "/host/plain"
RELAY = "/run/lab/relay"
SERVICES = {"mqtt_host": "127.0.0.1", "mqtt_commands": "yes", "mqtt_interval": "1s",
            "sma_enabled": "yes", "sma_interface": "lo", "sma_serial": SERIAL,
            "goodwe_host": "127.0.0.1", "goodwe_poll": "10s"}
HEARD = ("MQTT: connected to the broker", "grid meter is heard", "other inverter is heard")
SHARES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))


def measure(lab, action="true"):
    """Histogram of LOOPS periods in ns, and what was counted meanwhile; the action at its beginning.
    The guest talks to nobody meanwhile."""
    seconds = LOOPS * 0.005
    begin = lab.now()
    lab.run(f"cp {STATS} /run/before; {action}; sleep {seconds}; cp {STATS} /run/after",
            timeout=seconds + 120)
    (first, page0), (last, page) = (lab.stats(f"/run/{name}") for name in ("before", "after"))
    found = collections.Counter()
    for i, (a, b) in enumerate(zip(latency.wakeups(page0), latency.wakeups(page))):
        if b > a:
            found[(latency.bucket_low(i) + latency.bucket_low(i + 1)) / 2] = b - a
    counts = {name: last[name] - first[name]
              for name in ("cycles", "missed", "overruns", "minor_faults", "major_faults")}
    return found, counts, begin


def figures(histogram):
    return {name: latency.percentile(histogram, share) / 1e3 for name, share in SHARES}


def said(values):
    return " ".join(f"{name} {us:.2f}" for name, us in values.items())

def run(lab):
    import time
    t0=time.monotonic()
    def note(x):
        print(f"{time.monotonic()-t0:.1f} {x}", flush=True)
    lab.start_daemon(failsafe_beat="100ms", failsafe_relay=f"file:{RELAY}")
    lab.sleep(2)
    note("none " + said(figures(measure(lab)[0])))
    lab.machine.ask("kill", name=f"daemon{lab.daemons}", number=15)
    lab.wait_end()
    start_house(lab)
    lab.start_daemon(failsafe_beat="100ms", failsafe_relay=f"file:{RELAY}", **SERVICES)
    for text in HEARD:
        lab.wait_log(text, 60)
    lab.sleep(2)
    for _ in range(3):
        note("house "+said(figures(measure(lab)[0])))
    def m(name, action="true"):
        h,c,b = measure(lab, action)
        note(f"{name}: {said(figures(h))} {c}")
    m("broker stopped", "kill -STOP $(pidof mosquitto)")
    lab.run("kill -CONT $(pidof mosquitto)")
    lab.sleep(1)
    lab.machine.ask("spawn", name="flood", cmd=["python3", f"{PLAIN}/flood.py", "mqtt", "1883", str(FLOOD)])
    lab.sleep(1)
    m("mqtt flood")
    lab.machine.ask("kill", name="flood", number=9)
    lab.machine.ask("spawn", name="flood2", cmd=["python3", f"{PLAIN}/flood.py", "udp", "9522", str(FLOOD)])
    lab.sleep(1)
    m("udp flood")
    lab.machine.ask("kill", name="flood2", number=9)
    w=lab.worker()
    for t in ("mqtt","sma","goodwe"):
        lab.machine.ask("spawn", name=f"hold{t}", cmd=["python3", f"{PLAIN}/hold.py", str(w), t])
        lab.wait(lambda: lab.machine.ask("lines", name=f"hold{t}")["lines"], 10, "held")
        m("held "+t)
        lab.machine.ask("kill", name=f"hold{t}", number=9)
    lab.run(f"for t in /proc/{w}/task/*; do case $(cat $t/comm) in mqtt|sma|goodwe|logger) chrt -i -p 0 ${{t##*/}};; esac; done")
    lab.machine.ask("spawn", name="hog", cmd="while :; do :; done")
    m("hog")
    lab.machine.ask("kill", name="hog", number=9)
    m("broker killed", "kill -9 $(pidof mosquitto)")
    m("meter killed", "pkill -9 -f 'sim sma'")
    m("goodwe killed", "pkill -9 -f 'sim goodwe'")
    print(lab.out(f"cat {RELAY}"))
    for t, l in lab.log(): print(t, l)


def start_house(lab):
    """A broker, a meter and another inverter, in the guest."""
    lab.run("printf 'user root\nlistener 1883 127.0.0.1\nallow_anonymous true\n' >/run/lab/broker")
    for name, cmd in (("broker", "exec mosquitto -c /run/lab/broker"),
                      ("meter", f"exec jkpylon-sim sma --to 127.0.0.1 --serial {SERIAL} --rate 1"),
                      ("goodwe", "exec jkpylon-sim goodwe")):
        lab.machine.ask("spawn", name=name, cmd=cmd)
