# SPDX-License-Identifier: Apache-2.0
"""Half a minute on the Raspberry Pi 2, ten with JKP_LONG=1 in the environment, with everything that the
program has. A busy host lets the emulated processor stand still, sometimes for seconds. What does
nothing but look for that, at a higher priority on the same processor, says when it was; the program
is not judged by it."""
TITLE = "Raspberry Pi 2: no missed second of CAN, no page fault, memory"
MACHINE = "pi2"

import os
import signal

from bench import IDS, check

RUN_S = 600 if os.environ.get("JKP_LONG") == "1" else 30
SECONDS = RUN_S + 120
LOCKED_MAX_KIB = 8 * 1024
LOCKED_SEMS_MAX_KIB = 16 * 1024
CPU = 3
SERIAL = 1900202586
SERVICES = {"mqtt_host": "127.0.0.1", "mqtt_commands": "yes",
            "sma_enabled": "yes", "sma_interface": "lo", "sma_serial": SERIAL,
            "goodwe_host": "127.0.0.1", "goodwe_poll": "10s"}
# Nobody listens there: what the portal's libraries take is there all the same.
SEMS = {"sems_portal": "semsplus", "sems_login_file": "/run/lab/login",
        "sems_plus_login": "https://127.0.0.1:9/login", "sems_plus_api": "https://127.0.0.1:9/api",
        "sems_hosts": "127.0.0.1", "sems_clock_wait": "0s", "goodwe_host": None}
HEARD = ("MQTT: connected to the broker", "grid meter is heard", "other inverter is heard")


def start_house(lab):
    """A broker, a meter and another inverter, in the guest."""
    lab.run("printf 'user root\nlistener 1883 127.0.0.1\nallow_anonymous true\n' >/run/lab/broker")
    for name, cmd in (("broker", "exec mosquitto -c /run/lab/broker"),
                      ("meter", f"exec jkpylon-sim sma --to 127.0.0.1 --serial {SERIAL} --rate 1"),
                      ("goodwe", "exec jkpylon-sim goodwe")):
        lab.machine.ask("spawn", name=name, cmd=cmd)


def locked_kib(lab, most_kib, text):
    locked = 0
    for name, pid in zip(("guard", "worker"), lab.processes()):
        m = lab.memory(pid)
        locked += m["Locked"]
        lab.note(f"{text}{name}: RSS {m['Rss']} KiB, PSS {m['Pss']} KiB, locked {m['Locked']} KiB")
    check(locked <= most_kib, f"{text}{locked} KiB locked, at most {most_kib}")


def check_sets(frames, begin, end, pauses):
    """A whole set every second."""
    times = [begin, *[f.t for f in frames if f.id == IDS[0]], end]
    late = [(b - a, sum(max(0, min(b, q) - max(a, p)) for p, q in pauses))
            for a, b in zip(times, times[1:])]
    gap, paused = max(late, key=lambda pair: pair[0] - pair[1])
    check(gap - paused < 1.5, f"{gap:.2f} s without a set, {paused:.2f} s of them the machine stood "
          "still")
    counts = {ident: sum(f.id == ident for f in frames) for ident in IDS}
    # The first and the last set may be cut, and those within which the machine stands still; limits
    # that fall leave between sets.
    whole = [n for ident, n in counts.items() if ident != 0x351]
    check(max(whole) - min(whole) <= 1 + len(pauses) and counts[0x351] >= min(whole),
          f"frames {counts}")
    return f"{len(times) - 2} sets in {end - begin:.1f} s, longest gap {max(late)[0]:.3f} s"


def has(frames, key):
    """Whether these frames are there, one after the other."""
    heard = [(f.id, f.data) for f in frames]
    return any(heard[i:i + len(key)] == key for i in range(len(heard) - len(key) + 1))


def run(lab):
    lab.watch(CPU)
    start_house(lab)
    lab.start_daemon(recorder_trace="/run/lab/trace", rt_cpu=CPU, **SERVICES)
    for text in HEARD:
        lab.wait_log(text, 30)
    lab.sleep(2)
    first, _ = lab.stats()
    begin = lab.now()
    lab.sleep(RUN_S)
    end = lab.now()
    second, page = lab.stats()
    pauses = lab.pauses(begin, CPU)
    inside = [f for f in lab.frames(since=begin) if f.t <= end and f.id in IDS]
    lab.note("in the guest's clock " + check_sets(inside, begin, end, pauses))
    lab.note(f"the emulation stood still {len(pauses)} times for more than 0.1 s, "
             f"{sum(q - p for p, q in pauses):.1f} s together")
    # The same frames, in the same order, have left the machine.
    key = [(f.id, f.data) for f in inside]
    lab.wait(lambda: has(lab.outside(since=begin - 2), key), 5, "all frames are heard outside")

    cycles, missed = (second[key] - first[key] for key in ("cycles", "missed"))
    # Periods that the host swallowed are no fault of the program, see README.md.
    lab.note(f"{cycles} periods, {missed} missed, run time mean "
             f"{second['run_sum_ns'] / second['run_count'] / 1e3:.0f} us of this emulation")
    check(cycles + missed >= (end - begin) * 200 - 400, "periods are neither run nor counted")
    faults = [second[kind] for kind in ("minor_faults", "major_faults")]
    check(faults == [0, 0], f"page faults of the cycle thread {faults}")
    lab.note(f"page faults of the cycle thread: {faults[0]} minor, {faults[1]} major")
    want = page.LOCKED | page.FIFO | page.ARMED | page.TRACING
    check(second["flags"] & want == want, f"flags {second['flags']:#x}")
    lost = second["losses"] + second["tx_dropped"]
    check(lost <= sum(q - p > 1 for p, q in pauses), f"serial device or frames lost: {lost}")

    locked_kib(lab, LOCKED_MAX_KIB, "")

    lab.signal(signal.SIGTERM)
    check(lab.wait_end() == 0, "a clean end")
    lab.run("(umask 077; printf 'owner@house\\nsecret\\n' >/run/lab/login)")
    # The board has no clock of its own, and the portal is not asked before there is one.
    lab.run("date -s '2026-11-01 12:00'")
    begin = lab.now()
    lab.start_daemon(**{**SERVICES, **SEMS})
    lab.wait_log("SEMS: the portal cannot be reached", 30, begin)
    locked_kib(lab, LOCKED_SEMS_MAX_KIB, "with SEMS, ")
