#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starting, refusing to start, and the modes that only look: every refusal names what is wrong,
where, and the remedy, and has its exit code."""

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys

from daemon_bench import (SLOW, Bench, Node, check, jk_vector, limits, main, now, program,
                          wait_for, with_cell)

NOBODY = "nobody"
REFUSED_S = 20.0 if SLOW else 3.0


def run(*args, env=None):
    """One-shot call of jkpylond: exit code, stdout, stderr."""
    p = subprocess.run([program(), *args], stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=30, check=False, env={**os.environ, **(env or {})})
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def may_change_user():
    return os.geteuid() == 0 and shutil.which("setpriv") is not None


def reachable_by_nobody():
    """The programs may lie below a folder that nobody can enter."""
    return subprocess.run(["setpriv", "--reuid", NOBODY, "--clear-groups", "--",
                           program(), "--version"], capture_output=True, check=False).returncode == 0


def refused(b, text, code, *parts, user=None, env=None):
    d = b.start(text, user=user, env=env)
    got = d.wait(REFUSED_S)
    check(got == code, f"exit code {got}, not {code}: {d.log()}")
    errors = [line for line in d.lines if line.startswith("<3>")]
    check(errors, f"an error line: {d.log()}")
    for part in parts:
        check(any(part in line for line in errors), f"'{part}' is missing in: {errors}")
    check(not b.node.frames, "nothing was sent")


def test_serial_device_that_is_missing_or_none():
    with Bench() as b:
        refused(b, b.text(bms_device="/dev/serial/by-id/missing"), 2,
                "/dev/serial/by-id/missing", "check the cable")
        refused(b, b.text(bms_device="/dev/null"), 2, "/dev/null", "serial")
        refused(b, b.text(bms_device=str(b.dir)), 2, str(b.dir))


def test_serial_device_without_permission():
    if not may_change_user() or not reachable_by_nobody():
        return "needs root, setpriv, and programs that everybody may run"
    with Bench() as b:
        os.chmod(b.bms.device, 0o600)
        refused(b, b.text(rt_required="no"), 2, b.bms.device, "permission", "group", user=NOBODY)
    return None


def has_can():
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
        return True
    except OSError:
        return False


def test_can_interface_missing_or_of_another_type():
    with Bench() as b:
        refused(b, b.text(can_interface="nocan7"), 2, "nocan7" if has_can() else "CAN")
        refused(b, b.text(can_interface="lo"), 2, "lo" if has_can() else "CAN")


def test_can_interface_that_is_down():
    name = "jkpvcan0"
    if not has_can() or subprocess.run(["ip", "link", "add", name, "type", "vcan"],
                                       capture_output=True, check=False).returncode != 0:
        return "no vcan interface can be made here"
    try:
        with Bench() as b:
            refused(b, b.text(can_interface=name), 2, name, "ip link set")
    finally:
        subprocess.run(["ip", "link", "del", name], check=False)
    return None


def test_bench_bus_in_a_folder_that_does_not_exist():
    with Bench() as b:
        refused(b, b.text(can_interface="unix:/nonexistent/bus"), 2, "/nonexistent/bus")


def test_statistics_page_that_cannot_be_made():
    with Bench() as b:
        refused(b, b.text(rt_stats="/proc/jkpylon/stats"), 2, "/proc/jkpylon/stats", "rt.stats")


def test_trace_that_cannot_be_made():
    with Bench() as b:
        refused(b, b.text(recorder_trace="/proc/jkpylon/trace"), 2, "recorder.trace")


def test_realtime_refused_names_the_limit_and_is_fatal_only_when_required():
    if not may_change_user() or not reachable_by_nobody():
        return "needs root, setpriv, and programs that everybody may run"
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, resource.getrlimit(resource.RLIMIT_RTPRIO)[1]))
    # Memory is locked first. The libraries alone do not fit into the usual limit of 8 MiB; under a
    # sanitizer mlockall() does nothing.
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    little = not SLOW and locked != resource.RLIM_INFINITY and locked < 64 * 1024 * 1024
    error, remedy = (12, "LimitMEMLOCK=infinity") if little else (1, "LimitRTPRIO=80")
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (locked, locked))
    with Bench() as b:
        if not SLOW:
            refused(b, b.text(), 2, "Limit", "rt.required=no", user=NOBODY)
        d = b.start(b.text(rt_required="no"), user=NOBODY)
        v = b.stats.wait(10, "cycles", lambda v: v["cycles"] > 20)
        check(v["flags"] & b.stats.REFUSED and not v["flags"] & b.stats.FIFO, f"{v['flags']:x}")
        wait_for(lambda: f"realtime scheduling refused (errno {error})" in d.log(), 2,
                 "event in the log")
        check(remedy in d.log(), d.log())
        d.signal(signal.SIGTERM)
        check(d.wait(5) == 0, "exit code 0")
    return None


def test_FLT_57_wrong_configuration_names_file_and_line():
    with Bench() as b:
        path = b.dir / "bad.conf"
        for text, line, part in (("[bms]\ndevice=/dev/null\nflavour=3\n", 3, "flavour"),
                                 ("[bms]\ndevice=/dev/null\npoll=250\n", 3, "poll"),
                                 ("[nonsense]\n", 1, "nonsense")):
            path.write_text(text, encoding="ascii")
            code, out, err = run("--config", str(path), "--check")
            check(code == 1 and not out, f"exit code {code}")
            check(err.startswith(f"{path}:{line}: ") and part in err, err)
            refused(b, text, 1, f".conf:{line}: ", part)
        code, _, err = run("--config", str(b.dir / "missing.conf"), "--check")
        check(code == 1 and "missing.conf" in err, err)


def test_check_and_print_config_of_a_good_file():
    with Bench() as b:
        path = b.dir / "good.conf"
        path.write_text(b.text(), encoding="ascii")
        code, out, err = run("--check", "--config", str(path))
        check(code == 0 and "good" in out and not err, f"{code} {out} {err}")
        code, out, _ = run("--config", str(path), "--print-config")
        check(code == 0 and f"device = {b.bms.device}" in out, out)
        # what is printed is a configuration that says the same
        again = b.dir / "again.conf"
        again.write_text(out, encoding="ascii")
        check(run("--config", str(again), "--print-config")[1] == out, "prints itself")
        check(not b.bms.requests and not os.path.exists(b.stats.path), "nothing was touched")


def test_check_names_what_is_legal_but_has_consequences():
    with Bench() as b:
        path = b.dir / "advice.conf"
        for changes, words in ((dict(failsafe_relay=f"file:{b.dir}/relay", failsafe_state="none"),
                                "forgets a latched fault"),
                               (dict(failsafe_relay="gpiochip0:17", failsafe_relay_mode="pulse",
                                     failsafe_feedback="gpiochip0:18"), "failsafe.feedback_time"),
                               (dict(can_expect_alive="required"), "no black start")):
            path.write_text(b.text(**changes), encoding="ascii")
            code, out, err = run("--check", "--config", str(path))
            check(code == 0 and "good" in out, f"{code} {out}")
            check(err.startswith(f"{path}: warning: ") and words in err, err)
        d = b.start(path.read_text(encoding="ascii"))
        wait_for(lambda: "no black start" in d.log(), 10, "a warning at the start")
        d.signal(signal.SIGTERM)
        check(d.wait(5) == 0, "exit code 0")


def test_closed_standard_descriptors_do_not_become_those_of_devices():
    with Bench() as b:
        path = b.dir / "closed.conf"
        path.write_text(b.text(), encoding="ascii")
        p = subprocess.Popen(["sh", "-c", "exec \"$0\" --config \"$1\" <&- >&- 2>&-", program(),
                              str(path)])
        try:
            wait_for(lambda: b.node.frames, 40 if SLOW else 10, "frames")
            children = pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children")
            for pid in (p.pid, *children.read_text(encoding="ascii").split()):
                names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)]
                check(names == ["/dev/null"] * 3, f"{pid}: {names}")
        finally:
            p.terminate()
            check(p.wait(10) == 0, "exit code 0")


def test_command_line():
    for args, code, text in ((["--version"], 0, "jkpylond "), (["--help"], 0, "usage: "),
                             (["--bogus"], 1, "usage: "), (["extra"], 1, "usage: "),
                             (["--check", "--dry-run"], 1, "only one mode"),
                             (["--status", "--ack"], 1, "only one mode"),
                             (["--recover"], 1, "usage: "),
                             (["--config=/nonexistent", "--status"], 1, "/nonexistent"),
                             (["--config=/nonexistent", "--ack"], 1, "/nonexistent")):
        got, out, err = run(*args)
        check(got == code and text in out + err, f"{args}: {got} {out} {err}")


def test_worker_missing_or_started_by_hand():
    with Bench() as b:
        refused(b, b.text(), 2, "/nonexistent/worker", env={"JKPYLON_WORKER": "/nonexistent/worker"})
        p = subprocess.run([os.environ["JKPYLON_WORKER"]], capture_output=True, timeout=10,
                           check=False)
        check(p.returncode == 1 and b"started by jkpylond" in p.stderr, p.stderr)
        p = subprocess.run([os.environ["JKPYLON_WORKER"], "--guarded", "--config",
                            str(b.daemons[0].config)], capture_output=True, timeout=10, check=False)
        check(p.returncode == 4 and b"same release" in p.stderr, p.stderr)


def test_worker_that_hands_over_nothing_is_an_internal_fault():
    with Bench() as b:
        for script, code in (("exit 3", 3), ("exit 77", 4)):
            path = b.dir / "worker"
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
            path.chmod(0o755)
            d = b.start(env={"JKPYLON_WORKER": str(path)})
            check(d.wait(REFUSED_S) == code, f"{script}: {d.log()}")


def test_explain_prints_every_rule_and_level():
    with Bench() as b:
        b.bms.frame = with_cell(jk_vector("armin_16S_idle"), 7, 3451)
        path = b.dir / "explain.conf"
        path.write_text(b.text(), encoding="ascii")
        code, out, err = run("--config", str(path), "--explain")
        check(code == 0, f"exit code {code}: {err}")
        rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
        for rule in ("maximum", "c-rate", "bms-ocp", "cell-high", "temp-cold", "mos-temp"):
            check(rule in rows, f"rule {rule} is missing:\n{out}")
        check("3.451 V" in out and "(cell 7)" in out, out)
        check(out.count("3.700 V") >= 1 and "critical" in out, "level table")
        check("charge" in rows and "envelope" in rows["charge"], out)
        check(not os.path.exists(b.stats.path) and not os.path.exists(b.bus), "nothing else is made")


def test_explain_without_an_answer():
    with Bench() as b:
        b.bms.answers = False
        path = b.dir / "explain.conf"
        path.write_text(b.text(), encoding="ascii")
        t0 = now()
        code, out, err = run("--config", str(path), "--explain")
        check(code == 2 and not out and "no good sample" in err and b.bms.device in err, err)
        check(now() - t0 < 6 + REFUSED_S, "within 5 s")


def test_dry_run_decides_and_sends_nothing():
    with Bench() as b:
        d = b.start(args=["--dry-run"])
        wait_for(lambda: sum("would send" in line for line in d.lines) >= 3, 20, "lines")
        line = next(line for line in d.lines if "would send" in line)
        check(line.startswith("<6>would send ") and " 351#" in line and " 35C#" in line, line)
        wait_for(lambda: any(int(x[8:12], 16) != 0 for line in d.lines if "would send" in line
                             for x in line.split() if x.startswith("351#")), 40, "limits rise")
        check(not b.node.connected and not os.path.exists(b.bus), "no bus")
        check(b.stats.wait(5, "page", lambda v: True)["flags"] & b.stats.DRY, "flag")
        d.signal(signal.SIGTERM)
        check(d.wait(5) == 0, "exit code 0")


def test_start_leaves_nothing_behind_and_starts_again():
    with Bench() as b:
        for _ in range(3):
            frames = len(b.node.frames)
            d = b.start()
            wait_for(lambda f=frames: len(b.node.frames) >= f + 6, 10, "frames")
            check(limits(b.node.frames[frames] if b.node.frames[frames].id == 0x351 else
                         b.node.frames[frames + 1]) == (0, 0), "starts with 0 A")
            d.signal(signal.SIGTERM)
            check(d.wait(5) == 0, "exit code 0")
            b.node.close()
            b.node = Node(b.bus)
        left = sorted(p.name for p in pathlib.Path(b.dir).iterdir() if "conf" not in p.name)
        check(left == ["ring", "ring.old", "state", "state.made", "stats", "stats.lock"], f"left behind: {left}")


if __name__ == "__main__":
    sys.exit(main([t for n, t in list(globals().items()) if n.startswith("test_")]))
