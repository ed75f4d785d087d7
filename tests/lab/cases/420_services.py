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

from bench import SIM, STATS, check, limits

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
latency = importlib.import_module("400_latency")

LOOPS = 2000 if os.environ.get("JKP_LONG") == "1" else 600  # of 5 ms each
UNDISTURBED = 3  # times
ROUNDS = 3
PAGE_AGE = 22  # periods: counters are in the page every 100 ms
BOUND = 1.25
CEILING_US = 100.0
SERIAL = 1900202586
FLOOD = 1000  # a second
PORTAL = 9443  # takes connections and says nothing: a portal with its TLS is not in the guest
TRY_S = 12  # the portal's time for an answer, and a bit
SECOND_S = 1.5
THREADS = ("mqtt", "sma", "goodwe", "sems")
PLAIN = "/host/plain"
RELAY = "/run/lab/relay"
SERVICES = {"mqtt_host": "127.0.0.1", "mqtt_commands": "yes", "mqtt_interval": "1s",
            "sma_enabled": "yes", "sma_interface": "lo", "sma_serial": SERIAL,
            "goodwe_host": "127.0.0.1", "goodwe_poll": "10s",
            "sems_portal": "semsplus", "sems_login_file": "/run/lab/login",
            "sems_plus_login": f"https://127.0.0.1:{PORTAL}/login",
            "sems_plus_api": f"https://127.0.0.1:{PORTAL}/api",
            "sems_hosts": "127.0.0.1", "sems_clock_wait": "0s"}
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


def start(lab, **changes):
    """A daemon whose relay has closed."""
    begin = lab.start_daemon(failsafe_beat="100ms", failsafe_relay=f"file:{RELAY}",
                             failsafe_open_time="1s", **changes)
    lab.wait_log("relay closed", 20, begin)


class House:
    """Broker, meter and other inverter in the guest, each of which can go and come back."""

    def __init__(self, lab):
        self.lab = lab
        self.pids = {}
        lab.run("printf 'user root\nlistener 1883 127.0.0.1\nallow_anonymous true\n' >/run/lab/broker")
        self.commands = {"broker": "exec mosquitto -c /run/lab/broker",
                         "meter": f"exec {SIM} sma --to 127.0.0.1 --serial {SERIAL} --rate 1",
                         "goodwe": f"exec {SIM} goodwe"}
        lab.run("(umask 077; printf 'owner@house\\nsecret\\n' >/run/lab/login)")
        lab.machine.ask("spawn", name="portal", cmd=["python3", f"{PLAIN}/stall.py", str(PORTAL)])
        lab.wait(lambda: self.portal() == ["listens"], 20, "somebody plays the portal")
        for name in self.commands:
            self.begin(name)

    def portal(self):
        return [text for _, text in self.lab.machine.lines("portal")["lines"]]

    def begin(self, name):
        self.pids[name] = self.lab.machine.ask("spawn", name=name, cmd=self.commands[name])["pid"]

    def action(self, name, number):
        """The shell's command for it."""
        return f"kill -{number} {self.pids[name]}"

    def wait(self, since):
        for text in HEARD:
            self.lab.wait_log(text, 60, since)


class Trial:
    """What is measured must not be seen: compared with the undisturbed runs, pooled."""

    def __init__(self, lab):
        self.lab = lab
        self.still = collections.Counter()
        self.ceiling = None
        self.wrong = []

    def undisturbed(self):
        runs = []
        for _ in range(UNDISTURBED):
            found, counts, begin = measure(self.lab)
            self.judge("undisturbed", counts, begin)
            runs.append(figures(found))
            self.still += found
        noise = {name: max(run[name] for run in runs) / min(run[name] for run in runs)
                 for name, _ in SHARES}
        # The greatest of some hundred values is a matter of luck; these are not.
        check(max(noise["p50"], noise["p99"]) <= BOUND, f"undisturbed runs differ by {noise}")
        self.ceiling = self.limits_since(0.0)
        self.lab.note(f"undisturbed, {UNDISTURBED} x {LOOPS} periods: {said(figures(self.still))} us; "
                      f"greatest ratio of two runs {max(noise.values()):.2f}, bound {BOUND}")

    def limits_since(self, begin):
        """The greatest (charge, discharge) on the bus."""
        heard = [limits(f) for f in self.lab.frames(0x351, begin)]
        return max(c for c, _ in heard), max(d for _, d in heard)

    def judge(self, name, counts, begin):
        """All but the latencies."""
        end = self.lab.now()
        for what in ("missed", "overruns", "minor_faults", "major_faults"):
            if counts[what]:
                self.wrong.append(f"{name}: {counts[what]} {what}")
        # What is missed is counted above; this says that it goes on.
        if counts["cycles"] < LOOPS - PAGE_AGE:
            self.wrong.append(f"{name}: {counts['cycles']} cycles in the time of {LOOPS}")
        sets = [begin, *[f.t for f in self.lab.frames(0x359, begin) if f.t <= end], end]
        gap = max(b - a for a, b in zip(sets, sets[1:]))
        if gap > SECOND_S:
            self.wrong.append(f"{name}: {gap:.2f} s without a set on the bus")
        if self.ceiling:
            raised = [limits(f) for f in self.lab.frames(0x351, begin)
                      if any(is_now > was for is_now, was in zip(limits(f), self.ceiling))]
            if raised:
                self.wrong.append(f"{name}: limits {raised[0]} were at most {self.ceiling}")
        if self.lab.out(f"cat {RELAY}") != "1":
            self.wrong.append(f"{name}: the relay is open")

    def ratios(self, found):
        values, still = figures(found), figures(self.still)
        return {share: values[share] / still[share] for share in values}

    def fault(self, name, action="true", again=None):
        """Measured anew, as long as it is beyond the bound, ROUNDS times at most: what is really
        slower stays slower. `again`: makes before that as it was."""
        rounds = []
        while not rounds or (len(rounds) < ROUNDS and max(self.ratios(rounds[-1]).values()) > BOUND):
            if rounds and again:
                again()
            found, counts, begin = measure(self.lab, action)
            rounds.append(found)
            self.judge(name, counts, begin)
        self.compare(name, rounds[-1], f", round {len(rounds)}" if len(rounds) > 1 else "")

    def compare(self, name, found, text=""):
        values, ratios = figures(found), self.ratios(found)
        self.lab.note(f"{name}: {said(values)} us, greatest ratio {max(ratios.values()):.2f}{text}")
        if max(ratios.values()) > BOUND:
            self.wrong.append(f"{name}: {said(ratios)} x the undisturbed, bound {BOUND}")
        if values["max"] > CEILING_US:
            self.wrong.append(f"{name}: max {values['max']:.1f} us is no realtime")


def flooded(lab, trial, name, kind, port):
    """Its peer says more than anybody wants to hear."""
    lab.machine.ask("spawn", name=kind, cmd=["python3", f"{PLAIN}/flood.py", kind, str(port), str(FLOOD)])
    lab.sleep(1)
    trial.fault(name)
    check(lab.machine.lines(kind)["rc"] is None, f"the flood has ended: {kind}")
    lab.machine.ask("kill", name=kind, number=9)


def held(lab, trial, thread):
    """The thread itself stands still."""
    name = f"hold-{thread}"
    lab.machine.ask("spawn", name=name, cmd=["python3", f"{PLAIN}/hold.py", str(lab.worker()), thread])
    lab.wait(lambda: lab.machine.lines(name)["lines"], 20, f"{thread} is held")
    lines = [text for _, text in lab.machine.lines(name)["lines"]]
    check(lines == ["held"], f"{thread}: {lines}")
    trial.fault(f"thread {thread} stands still")
    lab.machine.ask("kill", name=name, number=9)


def starved(lab, trial):
    """All threads of services and the logger get what nobody else wants, and somebody wants it all."""
    out = lab.out(f"for t in /proc/{lab.worker()}/task/*; do case $(cat $t/comm) in "
                  f"{'|'.join(THREADS)}|logger) chrt -i -p 0 ${{t##*/}} && cat $t/comm;; esac; done")
    check(set(out.split()) == {*THREADS, "logger"}, f"threads {out}")
    lab.machine.ask("spawn", name="hog", cmd="while :; do :; done")
    trial.fault("all their threads starve")
    lab.machine.ask("kill", name="hog", number=9)


def run(lab):
    start(lab)
    lab.sleep(1)
    alone, _, _ = measure(lab)
    lab.note(f"no service: {said(figures(alone))} us")
    lab.machine.ask("kill", name=f"daemon{lab.daemons}", number=15)
    lab.wait_end()
    begin = lab.now()
    house = House(lab)
    start(lab, **SERVICES)
    house.wait(begin)
    trial = Trial(lab)
    # It tries at its start, and then not for a minute.
    lab.wait(lambda: "taken" in house.portal(), 20, "the portal is asked")
    stalled, counts, begin = measure(lab)
    trial.judge("portal says nothing", counts, begin)
    lab.sleep(TRY_S)
    trial.undisturbed()
    trial.compare("portal says nothing", stalled)
    # Stopped: what is connected stays so, and nothing comes. Begins within what is measured, as killing.
    for name in house.commands:
        trial.fault(f"{name} stopped", house.action(name, "STOP"))
        lab.run(house.action(name, "CONT"))
    flooded(lab, trial, "orders over MQTT flood", "mqtt", 1883)
    flooded(lab, trial, "datagrams flood the meter's port", "udp", 9522)
    for thread in THREADS:
        held(lab, trial, thread)
    starved(lab, trial)
    for name in house.commands:
        trial.fault(f"{name} killed", house.action(name, "KILL"),
                    again=lambda name=name: house.begin(name))
    log = " ".join(text for _, text in lab.log())
    for text in ("relay opened", "worker ended", "ladder: stop (before: run)", "cycle overrun"):
        if text in log:
            trial.wrong.append(f"the log says: {text}")
    check("more than 2 orders a second" in log, "the orders were heard")
    check(not trial.wrong, "; ".join(trial.wrong))
