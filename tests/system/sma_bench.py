# SPDX-License-Identifier: Apache-2.0
"""A network for the tests of the meter: two namespaces of their own with a cable between them. In one
the service (alone, or in the daemon), in the other simulated meters.

Environment: see daemon_bench.py; JKP_SIM, JKP_PROBE, JKP_LISTENER  programs
"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

from daemon_bench import SKIP, SLOW, Failure, check, connected, main, now, wait_for

SIM, PROBE, LISTENER = (os.environ[k] for k in ("JKP_SIM", "JKP_PROBE", "JKP_LISTENER"))
CLONE_NEWNET = 0x40000000
SERIAL, OTHER = 1900202586, 3008817151
HOME, METER, STRANGER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
WAIT_S = 60 if SLOW else 15
CPU_MAX = 1.0 if SLOW else 0.15  # of one processor, of the service's thread
GOOD, USAGE, DEVICE, BROKEN = 0, 1, 2, 3
# Places in the lists of the listener: enum speedwire_verdict, enum meter_verdict.
DISCOVERY, INVERTER, TRUNCATED, BAD_TAG = 2, 3, 5, 6
TAKEN, NOT_NAMED, OTHER_SERIAL, OTHER_SOURCE, REPEATED, BACKWARDS, AHEAD, TOO_MUCH = range(8)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def enter_namespace():
    """This process and all that it starts get a network of their own. Return: why not, or None."""
    for tool in ("ip", "nsenter", "unshare"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return f"no network namespace: {os.strerror(ctypes.get_errno())}; run it as root"
    result = run("ip", "link", "set", "lo", "up")
    return result.stderr if result.returncode else None


class Far:
    """The other end: a network with simulated meters, behind the interface sma0 of this one."""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, 5, "a namespace")
        self.sims = []
        return self

    def __exit__(self, *unused):
        for sim in self.sims:
            sim.close()
        self.unplug()
        self.holder.kill()
        self.holder.wait()

    def inside(self, *command):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *command]

    def ip(self, *words):
        result = run(*self.inside("ip", *words))
        check(result.returncode == 0, f"ip {words}: {result.stderr}")

    def plug(self):
        result = run("ip", "link", "add", "sma0", "type", "veth", "peer", "name", "far0", "netns",
                     str(self.holder.pid))
        check(result.returncode == 0, result.stderr)
        for address in (METER, STRANGER):
            self.ip("addr", "add", address + "/24", "dev", "far0")
        self.ip("link", "set", "far0", "up")
        run("ip", "addr", "add", HOME + "/24", "dev", "sma0")
        run("ip", "link", "set", "sma0", "up")
        # The kernel tells that there is a carrier up to a second later.
        wait_for(lambda: "state UP" in run("ip", "-o", "link", "show", "sma0").stdout, WAIT_S,
                 "a carrier")

    def unplug(self):
        run("ip", "link", "del", "sma0")

    def sim(self, *args, **options):
        sim = Sim(self, *args, **options)
        self.sims.append(sim)
        return sim


class Sim:
    """jkpylon-sim sma."""

    def __init__(self, far, *args, address=METER, serial=SERIAL):
        self.dir = tempfile.mkdtemp(prefix="jkpylon-", dir="/dev/shm")
        path = self.dir + "/control"
        self.process = subprocess.Popen(
            far.inside(SIM, "sma", "--interface", "far0", "--address", address, "--serial",
                       str(serial), "--control", "unix:" + path, *args),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = wait_for(lambda: connected(path), WAIT_S, "the simulated meter")
        self.answers = self.socket.makefile("r")

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.answers.readline().strip()

    def ok(self, *lines):
        for line in lines:
            answer = self.command(line)
            check(answer == "ok", f"{line}: {answer}")

    def status(self):
        return json.loads(self.command("status"))

    def close(self):
        if self.process is None:
            return
        self.socket.close()
        self.answers.close()
        self.process.terminate()
        self.process.wait(10)
        self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)


class Listener:
    """The service alone; self.state is what it has published last."""

    def __init__(self, serial=SERIAL):
        self.state = None
        self.events = []
        self.process = subprocess.Popen([LISTENER, "sma0", str(serial)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=self.read_out, daemon=True),
                        threading.Thread(target=self.read_err, daemon=True)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        wait_for(lambda: self.state, 10, "the listener speaks")
        return self

    def read_out(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def read_err(self):
        for line in self.process.stderr:
            self.events.append(line.strip())

    def until(self, look, seconds, text):
        try:
            return wait_for(look, seconds, text)
        except Failure as error:
            raise Failure(f"{error}\n{self.state}\n" + "\n".join(self.events)) from None

    def wait(self, text, condition, seconds=WAIT_S):
        return self.until(lambda: self.state if condition(self.state) else None, seconds, text)

    def wait_power(self, watt, seconds=WAIT_S):
        return self.wait(f"{watt} W", lambda s: s["power_w"] == watt and s["t_ns"] > 0, seconds)

    def wait_event(self, text, seconds=WAIT_S):
        return self.until(lambda: [e for e in self.events if text in e], seconds, text)

    def __exit__(self, *unused):
        begin = now()
        self.process.terminate()
        code = self.process.wait(10)
        check(code == 0 and now() - begin < (5 if SLOW else 1.5), f"ends: {code}")


def thread_cpu_s(pid, name):
    """Processor time of a thread."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == name:
            return int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    raise AssertionError(f"no thread {name}")


def run_all(tests):
    """Exit status: everything skipped where no namespace can be made."""
    reason = enter_namespace()
    if reason:
        print(f"skip    everything: {reason}")
        return SKIP
    return main(tests)
