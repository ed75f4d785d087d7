#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Life and death of guard and worker, on a pty and the bench bus."""

import fcntl
import os
import pathlib
import signal
import socket
import sys
import time

from daemon_bench import (IDS, SLOW, Bench, alive, check, jk_vector, limits, main, now, wait_for)

# The core confirms its last frames within a period or two; without a node it waits 1 s.
STOP_S = 5.0 if SLOW else 1.1
MARGIN_S = 2.0 if SLOW else 0.1
F_SETPIPE_SZ = 1031


def safe_at_end(frames):
    """The last frames of each kind say 0 A, nothing enabled; nothing else follows the first."""
    last = {f.id: f for f in frames}
    check(set(IDS) <= set(last), f"a whole set was sent: {sorted(map(hex, last))}")
    check(limits(last[0x351]) == (0, 0), f"last limits {limits(last[0x351])}")
    check(last[0x35C].data[0] & 0xF8 == 0, f"last enables {last[0x35C].data.hex()}")


def test_SAF_01_no_frame_before_the_first_good_sample():
    with Bench() as b:
        b.bms.answers = False
        d = b.start()
        wait_for(lambda: b.node.connected, 10, "node on the bus")
        b.stats.wait(10, "300 cycles", lambda v: v["cycles"] > 300)
        wait_for(lambda: len(b.bms.requests) >= 3, 10, "requests")
        check(not b.node.frames, f"frames without a sample: {b.node.frames[:3]}")
        b.bms.frame, good = b.bms.frame[:-1] + bytes([b.bms.frame[-1] ^ 1]), b.bms.frame
        b.bms.answers = True
        wait_for(lambda: len(b.bms.replies) >= 3, 10, "damaged replies")
        b.stats.wait(5, "they are read", lambda v: v["serial_rx_bytes"] >= 3 * len(good))
        check(not b.node.frames, "frames after damaged replies")
        seen = len(b.bms.replies)
        b.bms.frame = good
        first = wait_for(lambda: b.node.frames, 10, "frames")[0]
        check(first.t >= b.bms.replies[seen], "the first frame follows the first good reply")
        wait_for(lambda: b.node.of(0x351), 5, "limits")
        check(limits(b.node.of(0x351)[0]) == (0, 0), "the first limits are 0 A (SAF-16)")
        wait_for(lambda: limits(b.node.of(0x351)[-1])[1] > 0, 40, "limits rise")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")


def test_sigterm_last_frames_say_0_A_and_exit_code_is_0():
    # With long slots nothing but the wait for the last set gives it time to leave.
    for number, slot in ((signal.SIGTERM, "10ms"), (signal.SIGINT, "50ms")):
        with Bench() as b:
            d = b.start_running(text=b.text(can_slot=slot))
            t0 = now()
            d.signal(number)
            check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")
            safe_at_end([f for f in b.node.frames if f.t > t0])
            late = [f for f in b.node.of(0x351) if f.t > t0 + MARGIN_S and limits(f) != (0, 0)]
            check(not late, f"limits after the signal: {late}")
            check("stopping: last frames say 0 A" in d.log(), "the log tells it")
            check(d.lines[-1] == "<5>stopped", f"last line {d.lines[-1]}")
            check(b.stats.loop()["flags"] & b.stats.STOPPED, "the page shows the end")
            check(not os.path.exists(b.bus), "the bench bus is removed")


def test_FLT_28_SAF_01_killed_worker_is_replaced_and_begins_with_the_safe_set():
    with Bench(again=True) as b:
        d = b.start_running()
        worker = d.worker()
        os.kill(worker, signal.SIGKILL)
        t0 = now()
        wait_for(lambda: d.worker() not in (None, worker), 2 + MARGIN_S, "a new worker")
        check("<3>worker ended by signal 9" in d.log(), "the log names the signal")
        zero = wait_for(lambda: [f for f in b.node.of(0x351) if f.t > t0 + 0.05], 3 + MARGIN_S,
                        "frames of the new one")[0]
        check(limits(zero) == (0, 0), f"it begins with {limits(zero)}")
        check(SLOW or zero.t - t0 <= 2, f"after {zero.t - t0:.2f} s")
        wait_for(lambda: "restarted: safe set with held values" in d.log(), 2, "log")
        wait_for(lambda: limits(b.node.of(0x351)[-1])[1] > 0, 40, "limits come back")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")


def test_SAF_11_killed_guard_worker_sends_the_safe_set_and_ends():
    with Bench() as b:
        d = b.start_running()
        worker = d.worker()
        t0 = now()
        d.signal(signal.SIGKILL)
        wait_for(lambda: not alive(worker), STOP_S, "the worker ends")
        safe_at_end(b.node.frames)
        zero = [f for f in b.node.of(0x351) if f.t > t0]
        check(zero and limits(zero[0]) == (0, 0), "the first limits afterwards are 0 A")
        check(SLOW or zero[0].t - t0 < 0.1, f"0 A after {zero[0].t - t0:.3f} s")
        wait_for(lambda: "the guard process has ended" in d.log(), 2, "the log tells it")


def test_FLT_56_SAF_18_second_instance_is_refused_within_200_ms():
    with Bench() as b:
        first = b.start_running()
        before = b.stats.wait(5, "counters", lambda v: True)
        frames = len(b.node.frames)
        for text, reason in ((b.text(), "another jkpylon is running"),
                             (b.text(rt_stats=str(b.dir / "other/stats")), "another jkpylond"),
                             (b.text(rt_stats=str(b.dir / "other/stats"),
                                     failsafe_state=str(b.dir / "other/state")), b.bms.device)):
            second = b.start(text)
            check(second.wait(5) == 2, f"exit code 2: {second.log()}")
            took = now() - second.started
            check(SLOW or took <= 0.2, f"refused after {took:.3f} s")
            check(reason in second.log(), second.log())
        wait_for(lambda: len(b.node.frames) >= frames + 6, 5, "the first goes on")
        after = b.stats.wait(5, "counters", lambda v: v["cycles"] > before["cycles"])
        check(after["losses"] == 0 and after["clients_dropped"] == 0, "the first is not disturbed")
        first.signal(signal.SIGTERM)
        check(first.wait(STOP_S + MARGIN_S) == 0, "exit code 0")


def test_FLT_01_silent_bms_0_A_then_trip_and_exit_code_3():
    with Bench() as b:
        d = b.start_running(text=b.text(bms_stale="1s", bms_trip="3s"))
        b.bms.answers = False
        t0 = b.bms.requests[-1]
        zero = wait_for(lambda: [f for f in b.node.of(0x351) if limits(f) == (0, 0) and f.t > t0],
                        5, "0 A")[0]
        check(zero.t - t0 <= 1.1 + MARGIN_S, f"0 A after {zero.t - t0:.2f} s")
        wait_for(lambda: "ladder: trip" in d.log(), 5, "trip in the log")
        check(now() - t0 <= 3.1 + 0.5 + MARGIN_S, "trip in time")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 3, "exit code 3")
        safe_at_end(b.node.frames)


def test_FLT_32_stopped_guard_safe_set_and_back():
    with Bench() as b:
        d = b.start_running()
        t0 = now()
        d.signal(signal.SIGSTOP)
        zero = wait_for(lambda: [f for f in b.node.of(0x351) if f.t > t0 and limits(f) == (0, 0)],
                        3 + MARGIN_S, "0 A")[0]
        check(SLOW or zero.t - t0 <= 1.1, f"0 A after {zero.t - t0:.2f} s")
        wait_for(lambda: "reason: guard" in d.log(), 2, "log")
        d.signal(signal.SIGCONT)
        t1 = now()
        wait_for(lambda: [f for f in b.node.of(0x351) if f.t > t1 and limits(f)[1] > 0], 40,
                 "the limits come back")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")


def test_FLT_45_worker_that_is_stopped_for_a_second_resumes_with_the_safe_set():
    with Bench() as b:
        d = b.start_running(text=b.text(bms_stale="1s", bms_trip="3s"))
        worker = d.worker()
        os.kill(worker, signal.SIGSTOP)
        t0 = now()
        wait_for(lambda: "worker stands still for more than 100 ms" in d.log(), 2 + MARGIN_S, "log")
        check(SLOW or now() - t0 <= 0.25, f"noticed after {now() - t0:.3f} s")
        while now() < t0 + 1.5:
            time.sleep(0.05)
        frames = len(b.node.frames)
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda: "worker runs again" in d.log(), 2, "log")
        wait_for(lambda: any(f.id == 0x351 for f in b.node.frames[frames:]), 5, "limits")
        first = next(f for f in b.node.frames[frames:] if f.id == 0x351)
        check(limits(first) == (0, 0), f"first limits after the stop {limits(first)}")
        late = b.stats.wait(2, "counters", lambda v: v["missed"] > 0)
        check(late["missed"] >= 250, "the periods left out are counted")


def test_FLT_45_worker_that_is_stopped_for_longer_is_replaced():
    with Bench(again=True) as b:
        d = b.start_running()
        worker = d.worker()
        os.kill(worker, signal.SIGSTOP)
        t0 = now()
        wait_for(lambda: d.worker() not in (None, worker), 3 + MARGIN_S, "a new worker")
        check(SLOW or 2 <= now() - t0 <= 3, f"replaced after {now() - t0:.2f} s")
        check("worker does not run in time: killed" in d.log(), d.log())
        first = wait_for(lambda: [f for f in b.node.of(0x351) if f.t > t0 + 1], 5, "limits")[0]
        check(limits(first) == (0, 0), f"first limits afterwards {limits(first)}")


def full_pipe():
    """A pipe that takes no byte more."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return reader, writer


def test_FLT_53_log_that_nobody_reads_stops_nothing():
    for close_it in (False, True):
        with Bench() as b:
            reader, writer = full_pipe()
            d = b.start_running(stderr=writer)
            b.stats.wait(10, "200 cycles", lambda v: v["cycles"] > 200)
            if close_it:
                os.close(reader)
                before = b.stats.wait(5, "counters", lambda v: True)["cycles"]
                b.stats.wait(10, "200 cycles more", lambda v, c=before: v["cycles"] > c + 200)
            d.signal(signal.SIGTERM)
            check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")
            os.close(writer)
            if not close_it:
                os.close(reader)
            safe_at_end(b.node.frames)


class Manager:
    """A service manager: the socket that NOTIFY_SOCKET names."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        while True:
            try:
                self.heard.append((now(), self.socket.recv(4096).decode()))
            except BlockingIOError:
                return [text for _, text in self.heard]

    def has(self, text):
        return any(text in line for line in self.listen())


def test_guard_tells_the_service_manager():
    with Bench() as b:
        m = Manager(b.dir)
        d = b.start(env={"NOTIFY_SOCKET": m.path, "WATCHDOG_USEC": "400000"})
        wait_for(lambda: m.has("READY=1"), 10, "READY=1")
        check(b.stats.loop() is not None, "READY=1 follows the first cycle")
        check(m.has("STATUS=starting") and m.has("STATUS=running"), f"{m.heard}")
        wait_for(lambda: m.listen().count("WATCHDOG=1") >= 10, 5 + MARGIN_S, "WATCHDOG=1")
        times = [t for t, text in m.heard if text == "WATCHDOG=1"]
        check(SLOW or all(0.1 < y - x < 0.4 for x, y in zip(times, times[1:])), f"times {times}")

        worker = d.worker()
        os.kill(worker, signal.SIGSTOP)
        wait_for(lambda: m.has("STATUS=worker stands still"), 2 + MARGIN_S, "STATUS")
        fed = m.listen().count("WATCHDOG=1")
        time.sleep(1.0)
        check(m.listen().count("WATCHDOG=1") > fed, "fed: the guard does what has to be done")
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda: [s for s in m.listen() if s.startswith("STATUS=")][-1].startswith(
            "STATUS=running"), 2 + MARGIN_S, "STATUS")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")
        check(m.has("STOPPING=1"), "STOPPING=1")


def test_FLT_64_service_manager_that_does_not_read_stops_nothing():
    with Bench() as b:
        m = Manager(b.dir)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            try:
                while True:
                    s.sendto(b"x", m.path)
            except BlockingIOError:
                pass
        d = b.start_running(env={"NOTIFY_SOCKET": m.path, "WATCHDOG_USEC": "20000"})
        before = b.stats.wait(5, "counters", lambda v: True)["cycles"]
        b.stats.wait(10, "200 cycles more", lambda v: v["cycles"] > before + 200)
        check("stands still" not in d.log(), d.log())
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")


def test_threads_have_their_priorities_and_the_worker_nothing_of_the_guard():
    with Bench() as b:
        d = b.start_running()
        worker = d.worker()
        flags = b.stats.loop()["flags"]
        fds = {os.readlink(f"/proc/{worker}/fd/{n}") for n in os.listdir(f"/proc/{worker}/fd")}
        check(sum("jkpylon-guard" in f for f in fds) == 1, f"one page: {fds}")
        if not flags & b.stats.FIFO:
            return "realtime scheduling is refused here"
        policies = {}
        for tid in os.listdir(f"/proc/{worker}/task"):
            name = pathlib.Path(f"/proc/{worker}/task/{tid}/comm").read_text(encoding="ascii")
            policies[name.strip()] = (os.sched_getscheduler(int(tid)),
                                      os.sched_getparam(int(tid)).sched_priority)
        check(policies.pop("cycle") == (os.SCHED_FIFO, 80), f"{policies}")
        check(policies.pop("orphan") == (os.SCHED_FIFO, 90), f"{policies}")
        check(policies.pop("jkp-serial") == (os.SCHED_FIFO, 79), f"{policies}")
        check(all(p == (os.SCHED_OTHER, 0) for p in policies.values()), f"{policies}")
        guard = d.process.pid
        check(os.sched_getscheduler(guard) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO, "guard FIFO")
        check(os.sched_getparam(guard).sched_priority == 90, "guard at 90")
        check(flags & b.stats.LOCKED and flags & b.stats.ARMED, f"flags {flags:x}")
        status = pathlib.Path(f"/proc/{worker}/status").read_text(encoding="ascii")
        locked = int(status.split("VmLck:")[1].split()[0])
        check(locked <= 16 * 1024, f"{locked} KiB locked")
        return None


def test_statistics_page_names_itself_and_counts():
    with Bench() as b:
        d = b.start_running()
        h = b.stats.header()
        check(h["magic"] == b"JKPSTAT\0" and h["version"] == b.stats.VERSION,
              f"{h['magic']} {h['version']}")
        check(h["size"] == len(h["data"]) and h["pid"] == d.worker(), "size and pid")
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        check(h["boot_id"].rstrip(b"\0").decode() == boot, "boot id")
        check(os.stat(b.stats.path).st_mode & 0o777 == 0o644, "mode 0644")
        v = b.stats.wait(10, "1000 cycles", lambda v: v["cycles"] > 1000)
        check(v["period_ns"] == 5_000_000, "period")
        check(v["wakeup_count"] >= 1000 and v["wakeup_min_ns"] >= 0, "wake-ups")
        check(v["response_count"] > 0, "responses")
        check(v["serial_tx_bytes"] == 21 * len(b.bms.requests) or
              abs(v["serial_tx_bytes"] - 21 * len(b.bms.requests)) <= 42, "requests")
        check(v["tx"] >= len(IDS), "frames")


def test_trace_holds_every_step():
    with Bench() as b:
        path = b.dir / "trace"
        d = b.start_running(text=b.text(recorder_trace=str(path)))
        check(b.stats.loop()["flags"] & b.stats.TRACING, "flag")
        d.signal(signal.SIGTERM)
        check(d.wait(STOP_S + MARGIN_S) == 0, "exit code 0")
        v = b.stats.loop()
        lines = path.read_text(encoding="ascii").splitlines()
        check(lines[0] == "# jkpylon-trace 2" and lines[-1] == "Z", "first and last line")
        check(f"C bms.device={b.bms.device}" in lines, "configuration")
        kinds = {}
        for line in lines[1:]:
            kinds.setdefault(line[0], []).append(line.split())
        check(len(kinds["S"]) == v["cycles"], f"{len(kinds['S'])} steps, {v['cycles']} cycles")
        check(sum(len(r[1]) // 2 for r in kinds["R"]) == v["serial_rx_bytes"], "serial bytes")
        check(len(kinds["I"]) == 1 and "X" not in kinds, "start point")
        check([h[1:] for h in kinds["H"]] == ["- 0 0 0 0 0 0 0 0 0 - - - 0 0 0 0 0 -".split()], "nothing held")
        times = [int(s[1]) for s in kinds["S"]]
        check(times == sorted(times), "time goes forward")
        own = [f for f in kinds["F"] if f[2] == "o"]
        check(len(own) >= len(IDS), "own frames")
        check(any(f[1].startswith("305#") and f[2] == "b" for f in kinds["F"]), "inverter's frame")


def test_FLT_02_vanished_tty_is_told():
    with Bench(frame=jk_vector("armin_16S_idle")) as b:
        link = b.dir / "bms"
        link.symlink_to(b.bms.device)
        d = b.start_running(text=b.text(bms_device=str(link)))
        os.close(b.bms.master)
        b.bms.stopping = True
        wait_for(lambda: "BMS serial device lost" in d.log(), 5, "log")
        zero = wait_for(lambda: limits(b.node.of(0x351)[-1]) == (0, 0), 5, "0 A")
        check(zero, "0 A")
        b.bms.master = os.open("/dev/null", os.O_RDONLY)


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
