# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with lines: pulses that have to stop, a contact that does not follow, a line with
a short, a chip that is not there or goes away."""
TITLE = "FLT_29 FLT_59 FLT_60 FLT_61: relay: pulses, contact, line stuck, chip absent, busy, removed"
MACHINE = "bench"
SECONDS = 300

import signal
import time

from bench import CONFIG, DAEMON, check, limits
from relay import CONTACT, FALLS, WAY_S, Relay

PULSE_S = 0.100
LATCH_S = 0.500  # of FLT_60
GONE_S = 0.200  # of FLT_59
LABGPIO = "/sys/module/labgpio/parameters"
MONOSTABLE_S = 0.500
FEEDBACK = {"failsafe_feedback": f"labgpio:{CONTACT}", "failsafe_feedback_time": "300ms"}
BIND = "/sys/bus/platform/drivers/labgpio"


def pulses(lab, relay):
    t0 = relay.start(FALLS, failsafe_relay_mode="pulse")
    lab.wait(lambda: len(relay.lines.edges(FALLS, t0)) >= 60, 30, "60 edges")
    edges = relay.lines.edges(FALLS, t0)
    gaps = sorted(b[0] - a[0] for a, b in zip(edges, edges[1:]))
    lab.note(f"edges every {gaps[0] * 1e3:.0f} {gaps[len(gaps) // 2] * 1e3:.0f} "
             f"{gaps[-1] * 1e3:.0f} ms (shortest, median, longest)")
    check(abs(gaps[len(gaps) // 2] - PULSE_S) < 0.01, "median of the time between edges")
    guard, _ = lab.processes()
    begin = lab.now()
    t0 = relay.signal(signal.SIGSTOP, guard)
    zero = lab.wait_limits(lambda c, d: (c, d) == (0, 0), 10, "the worker says 0 A", begin)
    lab.sleep(1)
    late = [t - t0 for t, _ in relay.lines.edges(FALLS, t0 + WAY_S)]
    check(not late, f"edges of a guard that stands still: {late}")
    lab.note(f"guard stopped: no edge any more, 0 A after {zero.t + relay.ahead - t0:.2f} s")
    t0 = relay.signal(signal.SIGCONT, guard)
    lab.wait(lambda: len(relay.lines.edges(FALLS, t0)) >= 10, 20, "pulses again")
    # Without a guard the line is nobody's: it falls, or stays low.
    t0 = relay.signal(signal.SIGKILL, guard)
    lab.wait(lambda: lab.worker() == 0, 10, "the worker ends")
    relay.steady(FALLS, 0, 1, t0 + WAY_S, "guard killed")


def latched(lab, relay, since, text, level=0, bound=LATCH_S):
    """It is, in time; the relay is open, with its line at this level, and stays so; all of it can be
    undone."""
    after = lab.wait_log("latched fault: relay-feedback", 10, since) - since
    paused = sum(end - begin for begin, end in lab.pauses(since, 0, 1))
    lab.note(f"{text}: latched after {after * 1e3:.0f} ms; bound {bound * 1e3:.0f}")
    check(after <= bound + WAY_S + paused, f"{text}: latched after {after:.3f} s")
    lab.wait(lambda: relay.lines.level(FALLS) == level, 5, f"{text}: line {FALLS} at {level}")
    relay.steady(FALLS, level, 3, time.monotonic(), f"{text}: latched, and closed again")
    check(lab.ask_daemon("--status")[0] == 3, "--status tells it")
    check(relay.end() == 3, "exit status")
    lab.run("rm -f /run/lab/state*")


def follower(lab, name, *options):
    """A contact that follows the line from now on."""
    lab.machine.ask("spawn", name=name,
                    cmd=["python3", "/host/plain/contact.py", str(CONTACT), *options])
    lab.wait(lambda: lab.machine.lines(name)["lines"], 20, "the contact is there")


def contact(lab, relay):
    # It never closes. Whether a limit above 0 A leaves before that is told is a matter of luck.
    t0 = relay.start(FALLS, wait=False, **FEEDBACK)
    latched(lab, relay, t0 - relay.ahead, "contact stays open")

    # It follows; then it is welded.
    follower(lab, "contact")
    t0 = relay.start(FALLS, **FEEDBACK)
    relay.steady(FALLS, 1, 3, t0 + 0.001, "a contact that follows")
    lab.machine.ask("kill", name="contact", number=signal.SIGSTOP)
    t0 = relay.signal(signal.SIGKILL, lab.worker())
    latched(lab, relay, t0 - relay.ahead, "contact stays closed")
    lab.machine.ask("kill", name="contact", number=signal.SIGKILL)
    lab.run(f"echo 0 >{LABGPIO}/pull")


def stuck(lab, relay):
    """The line has a short. The guard sees what the contact does; a monostable falls by itself."""
    mask = 1 << FALLS
    follower(lab, "follower")
    relay.start(FALLS, **FEEDBACK)
    begin = lab.run(f"echo {mask} >{LABGPIO}/stuck_low")["begin"]
    latched(lab, relay, begin, "line stuck low")
    lab.run(f"echo 0 >{LABGPIO}/stuck_low")

    relay.start(FALLS, **FEEDBACK)
    lab.run(f"echo {mask} >{LABGPIO}/stuck_high")
    t0 = relay.signal(signal.SIGKILL, lab.worker())
    latched(lab, relay, t0 - relay.ahead, "line stuck high", level=1)
    lab.run(f"echo 0 >{LABGPIO}/stuck_high")
    lab.machine.ask("kill", name="follower", number=signal.SIGKILL)

    follower(lab, "monostable", str(MONOSTABLE_S))
    for name, level in (("stuck_high", 1), ("stuck_low", 0)):
        t0 = relay.start(FALLS, failsafe_relay_mode="pulse", **FEEDBACK)
        lab.wait(lambda t=t0: len(relay.lines.edges(FALLS, t)) >= 40, 20, "40 edges")
        begin = lab.run(f"echo {mask} >{LABGPIO}/{name}")["begin"]
        latched(lab, relay, begin, f"pulses, line {name.replace('_', ' ')}", level,
                MONOSTABLE_S + LATCH_S)
        lab.run(f"echo 0 >{LABGPIO}/{name}")
    lab.machine.ask("kill", name="monostable", number=signal.SIGKILL)
    lab.run(f"echo 0 >{LABGPIO}/pull")


def refused(lab, spec, words):
    lab.config(failsafe_relay=spec)
    answer = lab.run(f"{DAEMON} --config {CONFIG}", check=False, timeout=20)
    check(answer["rc"] == 2 and words in answer["out"], f"{spec}: exit status {answer['rc']}: "
          f"{answer['out']}")
    lab.note(next(line for line in answer["out"].splitlines() if words in line))


def chip(lab, relay):
    begin = lab.now()
    refused(lab, "gpiochip7:1", "gpiochip7")
    refused(lab, "labgpio:8", "labgpio:8")
    relay.gpio.spawn("holder", relay.gpio.hold(FALLS, 0))
    lab.wait(lambda: "busy" in lab.run(relay.gpio.get(FALLS), check=False)["out"].lower(), 10,
             "the line is held")
    refused(lab, f"labgpio:{FALLS}", "in use by \"gpioset\"")
    lab.machine.ask("kill", name="holder", number=signal.SIGKILL)
    check(not [f for f in lab.frames(0x351, begin) if any(limits(f))], "limits of a refused start")

    relay.start(FALLS)
    # Linux 6.1 does not let go of a module whose chip was removed while a line was held.
    lab.spent = True
    begin = lab.run(f"echo labgpio >{BIND}/unbind")["begin"]
    told = lab.wait_log("cannot drive the relay's line", 10, begin)
    zero = lab.wait_limits(lambda c, d: (c, d) == (0, 0), 10, "0 A", begin)
    lab.note(f"chip removed: told after {told - begin:.2f} s, 0 A after {zero.t - begin:.2f} s; "
             f"bound {GONE_S:.1f}")
    paused = sum(q - p for p, q in lab.pauses(begin, 0, 1))
    check(max(told, zero.t) - begin <= GONE_S + WAY_S + paused, "chip removed: too late")
    check(lab.daemon()["rc"] is None, "the daemon goes on")


def run(lab):
    relay = Relay(lab)
    pulses(lab, relay)
    contact(lab, relay)
    stuck(lab, relay)
    chip(lab, relay)
