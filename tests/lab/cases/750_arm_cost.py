# SPDX-License-Identifier: Apache-2.0
"""What the daemon costs. Time in this guest is the number of instructions, idle time is skipped, so the
time that a thread has run (/proc/PID/task/TID/schedstat) is the number of its instructions: its own
code, its system calls, and interrupts that came while it ran. Not in there: the timer interrupt that
ends the idle time, and kernel threads that pass bytes between terminal and daemon. CAN is vcan here:
what the SPI driver of an MCP2515 does is not counted either."""
TITLE = "ARM: instructions of a period, share of a Raspberry Pi 2"
MACHINE = "icount-arm"
SECONDS = 300

from arm import NS_PER_INSTRUCTION
from bench import check

RUN_S = 30
PERIODS_PER_S = 200
# A Cortex-A7 of 900 MHz; it issues up to two instructions a cycle, and waits for memory.
HZ = 900e6
CYCLES_PER_INSTRUCTION = 2
SHARE_MAX = 0.01


def look(lab, pids):
    """Time, and run time of all threads by process and thread."""
    return lab.now(), [lab.threads(pid) for pid in pids]


def run(lab):
    lab.start_daemon(failsafe_beat="100ms")
    lab.sleep(5)
    pids = lab.processes()
    before, _ = lab.stats()
    t0, first = look(lab, pids)
    lab.sleep(RUN_S)
    t1, second = look(lab, pids)
    after, _ = lab.stats()
    seconds = t1 - t0
    total = 0.0
    for process, old, new in zip(("guard", "worker"), first, second):
        rates = {thread.name: (thread.ns - old[tid].ns) / NS_PER_INSTRUCTION / seconds
                 for tid, thread in new.items()}
        total += sum(rates.values())
        for name, rate in rates.items():
            lab.figure(f"{process}.{name}.instructions", round(rate / PERIODS_PER_S))
        each = ", ".join(f"{name} {rate / PERIODS_PER_S:.0f}" for name, rate in rates.items())
        lab.note(f"{process}: {sum(rates.values()) / PERIODS_PER_S:.0f} instructions a period of "
                 f"{1000 / PERIODS_PER_S:.0f} ms; by thread: {each}")
    share = total * CYCLES_PER_INSTRUCTION / HZ
    lab.note(f"together {total / 1e6:.2f} million instructions a second, {share:.2%} of a core of "
             f"900 MHz at {CYCLES_PER_INSTRUCTION} cycles each")
    lab.figure("share", round(share, 4))
    run_ns, count = (after[f"run_{key}"] - before[f"run_{key}"] for key in ("sum_ns", "count"))
    lab.note(f"wake-up to end of work, by the statistics page: {run_ns / count / 2:.0f} instructions "
             f"mean, {after['run_max_ns'] / 2:.0f} at most since the start")
    confirmed, longest = after["can_confirm_count"], after["can_confirm_max_ns"]
    lab.note(f"{confirmed} frames confirmed, {after['can_confirm_sum_ns'] / max(confirmed, 1) / 1e3:.1f} "
             f"us mean, {longest / 1e3:.1f} us at most; BMS data to confirmation "
             f"{after['end_to_end_max_ns'] / 1e6:.2f} ms at most; age of data {after['data_age_max_ns'] / 1e6:.1f}"
             f" ms at most; guard {after['guard_min_ns'] / 1e6:.1f} to {after['guard_max_ns'] / 1e6:.1f} ms")
    # vcan confirms at once. By the kernel's time stamp that shows; by the next period it would be 5 ms.
    check(confirmed > RUN_S and longest < 2e6, "confirmations carry the kernel's time stamp")
    check(count >= PERIODS_PER_S * RUN_S and after["overruns"] == 0,
          f"{count} periods, {after['overruns']} overruns")
    check(after["serial_rx_bytes"] - before["serial_rx_bytes"] >= RUN_S * 4 * 280,
          "the BMS is read four times a second")
    check(share <= SHARE_MAX, f"{share:.2%} of a core, at most {SHARE_MAX:.0%}")
    locked = 0
    for name, pid in zip(("guard", "worker"), pids):
        m = lab.memory(pid)
        locked += m["Locked"]
        for part in ("Rss", "Pss", "Locked"):
            lab.figure(f"{name}.{part}_kib", m[part])
        lab.note(f"{name}: RSS {m['Rss']} KiB, PSS {m['Pss']} KiB, locked {m['Locked']} KiB")
