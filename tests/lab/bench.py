# SPDX-License-Identifier: Apache-2.0
"""What a case works with: a machine with two CAN controllers on one bus, the daemon, a node on the
other end of the bus, a simulated BMS. Times are seconds of the guest's CLOCK_MONOTONIC."""

import collections
import contextlib
import os
import pathlib
import select
import shlex
import shutil
import subprocess
import sys
import threading
import time
import tty

from gpio import Lines
from machine import MORTAL, Failure, Machine, connect

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
from daemon_bench import WATCH, Stats  # noqa: E402  what both benches have, in one place

IDS = (0x359, 0x351, 0x355, 0x356, 0x35C, 0x35E)
POLL_S = 0.2
BUS = ["-object", "can-bus,id=canbus0", "-device", "kvaser_pci,canbus=canbus0",
       "-device", "kvaser_pci,canbus=canbus0"]
USB = ["-device", "qemu-xhci,id=xhci",
       "-chardev", "socket,id=bms,path={dir}/bms,server=on,wait=off",
       "-device", "usb-serial,chardev=bms,id=bmsusb,bus=xhci.0,serial=JKP0001,always-plugged=on"]
# What is seen of the guest's GPIO lines, and a hardware watchdog.
OUTSIDE = ["-chardev", "socket,id=lines,path={dir}/lines,server=on,wait=off",
           "-device", "isa-debugcon,iobase=0x501,chardev=lines", "-device", "i6300esb"]
BY_ID = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_JKP0001-if00-port0"
GUEST_BMS = "/run/lab/bms"
CONFIG = "/run/lab/jkpylon.conf"
STATE = "/run/lab/state"
STATS = "/run/jkpylon/stats"
DAEMON = "/usr/sbin/jkpylond"
SIM = "/usr/bin/jkpylon-sim"
FAULT = "/sys/module/labcan/parameters"

# Machines that cases can ask for.
MACHINES = {
    # Two processors, systemd, a real-time clock: function.
    "bench": {"devices": BUS + USB + OUTSIDE},
    # The same without our programs: what a user has before the package is installed.
    "package": {"devices": BUS + USB + OUTSIDE},
    # The same for cases that start it again: the guest takes the longer for that, the longer it
    # has run before.
    "boot": {"devices": BUS + USB + OUTSIDE},
    # Time is the number of instructions: one processor, nothing else runs; latencies.
    "icount": {"devices": BUS, "icount": "shift=1,sleep=off", "systemd": False, "cpus": 1},
}

Frame = collections.namedtuple("Frame", "t id data")


def check(condition, text):
    if not condition:
        raise Failure(text)


def limits(frame):
    """0x351 -> (charge, discharge) in A."""
    return (int.from_bytes(frame.data[2:4], "little", signed=True) / 10,
            int.from_bytes(frame.data[4:6], "little", signed=True) / 10)


class HostBms:
    """jkpylon-sim on the host, its pty joined to the socket behind QEMU's USB adapter."""

    def __init__(self, program, folder):
        self.dir = folder
        self.control = folder / "sim.control"
        self.line = connect(folder / "bms")
        with open(folder / "sim.log", "wb") as log:
            self.process = subprocess.Popen(
                [*MORTAL, program, "--bms", str(folder / "pty"),
                 "--control", f"unix:{self.control}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while not (folder / "pty").exists():
            check(time.monotonic() < deadline and self.process.poll() is None,
                  f"the simulated BMS does not start, see {folder}/sim.log")
            time.sleep(0.02)
        self.pty = os.open(folder / "pty", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.pty)
        threading.Thread(target=self.join, daemon=True).start()

    def join(self):
        with contextlib.suppress(OSError):
            while True:
                for end in select.select([self.line, self.pty], [], [])[0]:
                    if end is self.line:
                        data = self.line.recv(4096)
                        if not data:
                            return
                        os.write(self.pty, data)
                    else:
                        self.line.sendall(os.read(self.pty, 4096))

    def tell(self, line):
        s = connect(self.control)
        s.sendall(line.encode() + b"\n")
        answer = s.makefile().readline().strip()
        s.close()
        check(answer == "ok", f"the simulated BMS says \"{answer}\" to \"{line}\"")

    def close(self):
        self.process.terminate()
        self.process.wait()


class Lab:
    """One machine with everything around it; cleaned between cases."""

    def __init__(self, kind, images, product, folder):
        self.kind = kind
        self.dir = pathlib.Path(folder)
        self.installed = [] if kind == "package" else ["product.tar"]
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "share").mkdir(exist_ok=True)
        if not (self.dir / "share/bench_e2e").exists():
            for name in ("bench_e2e", "jkpylon.deb", *self.installed):
                if (product / name).exists():
                    os.link(product / name, self.dir / "share" / name)
        shutil.copytree(HERE / "plain", self.dir / "share/plain", dirs_exist_ok=True)
        self.machine = Machine(images, self.dir, **MACHINES[kind])
        devices = " ".join(MACHINES[kind]["devices"])
        self.host_bms = HostBms(product / "sim", self.dir) if "bmsusb" in devices else None
        self.lines = Lines(self.dir / "lines") if "chardev=lines" in devices else None
        self.notes, self.figures = [], {}
        # The case's window of each stream of lines.
        self.daemons = 0
        self.nodes = 0
        self.spent = False  # a case has left the machine unfit for others
        # Not in set_up(): a guest that is started again keeps its disk, and what a case changed on it.
        for name in self.installed:
            self.run(f"tar -xf /host/{name} -C / --keep-directory-symlink && sync")
        self.set_up()

    def set_up(self):
        """What a guest that has just started lacks."""
        self.run("modprobe kvaser_pci; modprobe can_raw; udevadm settle 2>/dev/null; "
                 "for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/can1 ] && break; sleep 0.2;"
                 " done; ip netns add inv && ip link set can1 netns inv && "
                 "ip -n inv link set can1 up type can bitrate 500000")
        if self.host_bms and self.installed:
            # udev looks up the group of a rule when it reads the rule, and reads it again only if
            # the file has changed.
            self.run("systemd-sysusers && touch -c $(find /usr/lib/udev /lib/udev -name "
                     "'*-jkpylon.rules') && udevadm control --reload && udevadm trigger "
                     "--action=add --subsystem-match=misc --subsystem-match=tty")
        if self.host_bms:
            self.run(f"for i in $(seq 150); do [ -e {BY_ID} ] && exit; sleep 0.1; done; exit 1")

    # ---- the guest -----------------------------------------------------------------------

    def run(self, cmd, **options):
        return self.machine.run(cmd, **options)

    def out(self, cmd, **options):
        return self.machine.out(cmd, **options)

    def now(self):
        return self.machine.now()

    def clock_difference(self):
        """Clock of the host minus that of the guest, to half the time of the quickest question."""
        asked = []
        while len(asked) < 50 and (not asked or min(asked)[0] > 0.01):
            before = time.monotonic()
            guest = self.now()
            after = time.monotonic()
            asked.append((after - before, (before + after) / 2 - guest))
        return min(asked)[1]

    def note(self, text):
        """A figure or remark that is printed with the result."""
        self.notes.append(text)

    def figure(self, name, value):
        """A number that goes into results.json under its name; tests/bench/run makes tables of them."""
        self.figures[name] = value

    def wait(self, condition, seconds, text):
        """Poll until condition() is true and return it. Seconds of the guest."""
        deadline = self.now() + seconds
        while True:
            value = condition()
            if value:
                return value
            if self.now() >= deadline:
                log = "\n".join(f"    {t:.3f} {line}" for t, line in self.log()[-12:])
                raise Failure(f"not within {seconds} s: {text}" +
                              (f"\n  last lines of the daemon:\n{log}" if log else ""))
            time.sleep(0.01 if self.kind.startswith("icount") else POLL_S)

    def watch(self, *cpus):
        """Begin to look for pauses of the host, see pauses()."""
        for cpu in cpus:
            self.machine.ask("spawn", name=f"watch{cpu}",
                             cmd=["python3", "-c", WATCH, str(cpu), "0.02", "0.1"])

    def pauses(self, since, *cpus):
        """[(begin, end)...] of times when one of the processors stood still: a busy host lets it.
        The program is not judged by them."""
        found = [tuple(map(float, line.split())) for cpu in cpus
                 for _, line in self.machine.lines(f"watch{cpu}")["lines"]]
        return [(begin, end) for begin, end in found if end > since]

    def sleep(self, seconds):
        """Let the guest's time go on."""
        self.run(f"sleep {seconds}", timeout=seconds + 60)

    def stop(self):
        if self.host_bms:
            self.host_bms.close()
        self.machine.stop()

    def clean(self):
        """Back to the state after boot; raises if that fails."""
        self.machine.ask("killall")
        self.run("""
            systemctl -q stop jkpylond 2>/dev/null
            rmmod labcan labgpio 2>/dev/null
            tc qdisc del dev can0 root 2>/dev/null
            [ -e /sys/class/net/can0 ] || echo 1 >/sys/bus/pci/rescan
            ip link set can0 down 2>/dev/null
            ip link set can0 type can bitrate 125000 restart-ms 0
            ip link set can0 txqueuelen 10
            ip -n inv link set can1 up 2>/dev/null
            rm -rf /run/lab/* /run/jkpylon /var/lib/jkpylon
            true""")
        if self.host_bms:
            self.host_bms.tell("heal")
            if "bmsusb" not in str(self.machine.command("qom-list", path="/machine/peripheral")):
                self.plug()
        self.daemons = self.nodes = 0
        self.machine.spawned.clear()

    # ---- BMS -----------------------------------------------------------------------------

    def bms(self, line):
        """A command of jkpylon-sim, see its manual page."""
        if self.host_bms:
            self.host_bms.tell(line)
        else:
            self.machine.ask("input", name="sim", text=line + "\n")

    def unplug(self):
        self.machine.command("device_del", id="bmsusb")

    def plug(self):
        self.machine.command("device_add", driver="usb-serial", chardev="bms", id="bmsusb",
                             bus="xhci.0", serial="JKP0001", **{"always-plugged": True})

    # ---- the other end of the bus --------------------------------------------------------

    def start_node(self):
        name = f"node{self.nodes}"
        self.nodes += 1
        self.machine.ask("spawn", name=name, cmd=[
            "ip", "netns", "exec", "inv", "python3", "/lab/node.py", "can1"])
        self.wait(lambda: self.machine.lines(name)["lines"], 30, "the node listens")

    def node(self, command):
        self.machine.ask("input", name=f"node{self.nodes - 1}", text=command + "\n")

    def frames(self, ident=None, since=0.0):
        """What the node has heard, in order."""
        found = []
        for _, line in self.machine.lines(f"node{self.nodes - 1}")["lines"]:
            word = line.split()
            if word[0] != "rx":
                continue
            t, number = float(word[1]), int(word[2], 16)
            if t >= since and ident in (None, number):
                found.append(Frame(t, number, bytes.fromhex(word[3] if len(word) > 3 else "")))
        return found

    def last_frames(self, since):
        """The last frame of each identifier."""
        return {f.id: f for f in self.frames(since=since)}

    def wait_limits(self, condition, seconds, text, since=0.0):
        """The first 0x351 after `since` whose limits fulfil condition(charge, discharge)."""
        return self.wait(lambda: next((f for f in self.frames(0x351, since)
                                       if condition(*limits(f))), None), seconds, text)

    # ---- the daemon ----------------------------------------------------------------------

    def config(self, **changes):
        """Write the configuration; changes: section_key=value, None leaves the key out."""
        keys = {"bms.device": BY_ID if self.host_bms else GUEST_BMS,
                "can.interface": "can0", "can.manage": "yes",
                "limits.charge_max": "60A", "limits.discharge_max": "60A",
                "limits.rise": "100A/s", "limits.calm": "0s",
                # The host's own pauses are not the subject.
                "failsafe.beat": "1s",
                # The place that is the default belongs to the service.
                "failsafe.state": STATE}
        for name, value in changes.items():
            section, key = name.split("_", 1)
            keys[f"{section}.{key}"] = value
        sections = collections.defaultdict(list)
        for name, value in keys.items():
            section, key = name.split(".", 1)
            if value is not None:
                sections[section].append(f"{key} = {value}")
        text = "".join(f"[{s}]\n" + "\n".join(lines) + "\n" for s, lines in sections.items())
        self.run(f"printf %s {shlex.quote(text)} >{CONFIG}")

    def start_daemon(self, prefix="", wait=True, **changes):
        """The daemon and a node; waits for a limit above 0 A. Returns the time of the start."""
        self.config(**changes)
        if not self.host_bms and not self.daemons:
            self.machine.ask("spawn", name="sim", cmd=[SIM, "--bms", GUEST_BMS])
        if not self.nodes:
            self.start_node()
        self.daemons += 1
        begin = self.now()
        self.machine.ask("spawn", name=f"daemon{self.daemons}",
                         cmd=f"exec {prefix} {DAEMON} --config {CONFIG}")
        if wait:
            self.wait_limits(lambda c, d: d > 0, 30, "a discharge limit above 0 A", begin)
            # Its line may come later than its frames.
            self.wait_log("ladder: run", 10)
        return begin

    def daemon(self):
        return self.machine.lines(f"daemon{self.daemons}")

    def log(self, since=0.0):
        if not self.daemons:
            return []
        return [(t, text) for t, text in self.daemon()["lines"] if t >= since]

    def wait_log(self, text, seconds, since=0.0):
        """Time of the first line of the daemon with this text."""
        return self.wait(lambda: next(((t, line) for t, line in self.log(since) if text in line),
                                      None), seconds, f"log line \"{text}\"")[0]

    def signal(self, number):
        self.machine.ask("kill", name=f"daemon{self.daemons}", number=number)

    def worker(self):
        """Process id of the worker, 0 while there is none."""
        return int(self.out("pidof jkpylon-worker || echo 0"))

    def processes(self):
        """(guard, worker)"""
        pid = self.worker()
        # The guard has another child: the recorder of its state.
        return int(self.out(f"cut -d' ' -f4 /proc/{pid}/stat")), pid

    def wait_worker(self, old, seconds, text):
        """Process id of the one that follows."""
        return self.wait(lambda: (pid := self.worker()) != old and pid, seconds, text)

    def ask_daemon(self, mode):
        """One of its modes that look or order: exit status and what it says."""
        answer = self.run(f"{DAEMON} --config {CONFIG} {mode}", check=False, timeout=20)
        return answer["rc"], answer["out"]

    def wait_end(self, seconds=10):
        """Exit status of the daemon."""
        self.wait(lambda: self.daemon()["rc"] is not None, seconds, "the daemon ends")
        return self.daemon()["rc"]

    def stats(self, path=STATS):
        """Counters of the cycle, by the names of daemon_bench.Stats; of the page or a copy of it."""
        for _ in range(20):
            copy = self.dir / pathlib.Path(path).name
            copy.write_bytes(self.machine.read(path))
            page = Stats(str(copy))
            values = page.loop()
            if values:
                return values, page
        raise Failure("no consistent statistics in 20 attempts")

    # ---- faults of the bus ---------------------------------------------------------------

    def fault(self, name, value):
        """A parameter of the module labcan."""
        self.run(f"[ -e {FAULT} ] || modprobe labcan interface=can0; echo {value} >{FAULT}/{name}")
