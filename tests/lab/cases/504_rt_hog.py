# SPDX-License-Identifier: Apache-2.0
"""A program of somebody else with realtime priority that never sleeps, on the processor of the cycle.
It is below the cycle, but not below all that the cycle needs there, and the kernel takes 5 % of each
second from all realtime threads of a processor together then (sched_rt_runtime_us): the cycle stands
still as well, for 50 ms. Threads of interrupts have the priority of the hog, and those that end the
sleep of what is not realtime have the least: none of them gets a turn there. So interrupts are kept on
the other processor, as a machine with several should be set up, and so is what plays the inverter. The
logger may sleep to the end of it."""
TITLE = "FLT_47: FIFO 50 spinner on the processor of the cycle"
MACHINE = "bench"
SECONDS = 120

import importlib
import os
import pathlib
import sys

from bench import STATS, check, limits

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
latency = importlib.import_module("400_latency")

HOG_S = 60 if os.environ.get("JKP_LONG") == "1" else 12
CPU = 1
# It ends by itself: nobody may get a turn there to end it.
HOG = f"exec chrt -f 70 timeout -s KILL {HOG_S} taskset -c {CPU} chrt -f 50 sh -c 'while :; do :; done'"
STALL_NS = 60_000_000
STANDS_NS = 10_000_000  # two periods
BUSY = 0.7  # of the processor, by the hog
SECOND_S = 1.5
RELAY = "/run/lab/relay"


def run(lab):
    runtime = lab.out("cat /proc/sys/kernel/sched_rt_runtime_us")
    lab.run("echo 1 >/proc/irq/default_smp_affinity")
    begin = lab.start_daemon(rt_cpu=CPU, failsafe_relay=f"file:{RELAY}", failsafe_open_time="1s")
    lab.wait_log("relay closed", 20, begin)
    # Those that were there before, and whatever speaks for the world outside.
    lab.run("for f in /proc/irq/*/smp_affinity; do echo 1 >$f; done 2>/dev/null; "
            "for pid in $(pgrep -f /lab/); do taskset -a -c -p 0 $pid; done")
    lab.watch(0, CPU)
    lab.sleep(2)
    lab.run(f"cp {STATS} /run/before")
    begin = lab.now()
    lab.machine.ask("spawn", name="hog", cmd=HOG)
    lab.sleep(HOG_S / 2)
    # Of all with these words, those that have started it too; the brackets keep the asking shell out.
    ticks = sum(map(int, lab.out("for pid in $(pgrep -f '[w]hile :; do :; done'); do "
                                 "cut -d' ' -f14 /proc/$pid/stat; done").split()))
    lab.sleep(HOG_S / 2 + 0.5)
    end = lab.now()
    lab.run(f"cp {STATS} /run/after")
    check(lab.machine.lines("hog")["rc"] is not None, "the spinner has ended")
    (first, page0), (last, page) = (lab.stats(f"/run/{name}") for name in ("before", "after"))
    late = {latency.bucket_low(i): b - a for i, (a, b) in
            enumerate(zip(latency.wakeups(page0), latency.wakeups(page)))
            if b > a and latency.bucket_low(i) >= STANDS_NS}
    stalls, beyond = sum(late.values()), sum(n for ns, n in late.items() if ns > STALL_NS)
    cycles, missed = (last[name] - first[name] for name in ("cycles", "missed"))
    sets = [begin, *[f.t for f in lab.frames(0x359, begin) if f.t <= end], end]
    pauses = lab.pauses(begin, 0, CPU)
    gap = max(b - a - sum(max(0, min(b, q) - max(a, p)) for p, q in pauses)
              for a, b in zip(sets, sets[1:]))
    heard = [limits(f) for f in lab.frames(0x351, begin)]
    lab.note(f"{HOG_S} s of a spinner, sched_rt_runtime_us {runtime}: {cycles} periods, {missed} missed; "
             f"{stalls} stalls, {beyond} of them of more than {STALL_NS // 1000000} ms, worst "
             f"{max(late, default=0) / 1e6:.0f} ms; {len(sets) - 2} sets, longest gap {gap:.2f} s; "
             f"{len(pauses)} pauses of the host")
    check(ticks >= BUSY * HOG_S / 2 * 100, f"the spinner has run for {ticks / 100} s only")
    # What is longer is the host's: it does that once or twice, the kernel once a second.
    check(beyond <= len(pauses) + stalls // 5, f"{beyond} of {stalls} stalls are too long")
    check(cycles + missed >= (end - begin) * 200 - 400, "periods are neither run nor counted")
    check(gap <= SECOND_S, f"{gap:.2f} s without a set on the bus")
    check(heard and all(d > 0 for _, d in heard), f"limits {heard}")
    check(lab.out(f"cat {RELAY}") == "1", "the relay is closed")
    log = [text for t, text in lab.log(begin)]
    for text in ("ladder:", "relay opened", "worker", "serial device lost"):
        check(not any(text in line for line in log), f"the log says: {log}")
