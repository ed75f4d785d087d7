# SPDX-License-Identifier: Apache-2.0
"""A virtual machine: QEMU, its monitor, and the agent inside the guest."""

import base64
import contextlib
import itertools
import json
import os
import pathlib
import queue
import socket
import subprocess
import threading
import time

import tsc

BOOT_S = 240
MONITOR_S = 20
ANSWER_MARGIN_S = 30
# A program that ends with us, however we end.
MORTAL = ["setpriv", "--pdeathsig", "KILL"]


class Failure(Exception):
    """What a case has to say when it fails."""


class OutOfTime(Exception):
    """The bound of the case has passed; nobody but the runner may catch it."""


def connect(path, seconds=MONITOR_S):
    """A connection to a UNIX socket that may not be there yet."""
    deadline = time.monotonic() + seconds
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(str(path))
            return s
        except OSError as error:
            s.close()
            if time.monotonic() > deadline:
                raise Failure(f"{path}: no connection within {seconds} s: {error}") from None
            time.sleep(0.02)


class Lines:
    """JSON objects, one a line, in both directions; answers are matched by the caller's key."""

    def __init__(self, path, key, seconds=MONITOR_S):
        self.socket = connect(path, seconds)
        self.key = key
        self.waiting = {}
        self.others = []
        self.lock = threading.Lock()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError, ValueError), self.socket.makefile("rb") as f:
            for line in f:
                self.take(line)
        for waiter in list(self.waiting.values()):
            waiter.put(None)

    def take(self, line):
        message = json.loads(line)
        waiter = self.waiting.pop(message.get(self.key), None)
        if waiter:
            waiter.put(message)
        else:
            self.others.append(message)

    def ask(self, key, message, seconds):
        waiter = self.waiting[key] = queue.Queue()
        try:
            with self.lock:
                self.socket.sendall(json.dumps(message).encode() + b"\n")
            answer = waiter.get(timeout=seconds)
        except queue.Empty:
            raise Failure(f"no answer within {seconds} s to {message}") from None
        except OSError:
            answer = None
        if answer is None:
            raise Failure(f"the machine has ended; asked was {message}")
        return answer


class Machine:
    """A running guest. `devices` are arguments of QEMU; {dir} in them is the machine's folder."""

    def __init__(self, images, folder, devices=(), icount=None, systemd=True, cpus=2, memory=768):
        (pathlib.Path(folder) / "share").mkdir(parents=True, exist_ok=True)
        words = "console=ttyS0 panic=5 quiet tsc=reliable systemd.show_status=0"
        if not icount:
            words += f" tsc_early_khz={tsc.khz()}"
        if not systemd:
            words += " lab.init=/lab/init"
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-smp", str(cpus),
            # A large cache of translations makes each start after the first slower: the old ones lie
            # in memory that is written anew.
            "-accel", "tcg,thread=single" if icount else "tcg,thread=multi,tb-size=96",
            "-m", str(memory),
            "-nodefaults", "-display", "none", "-nic", "none", "-no-reboot",
            "-serial", "file:{dir}/console.log", "-qmp", "unix:{dir}/qmp,server=on,wait=off",
            "-kernel", f"{images}/vmlinux", "-initrd", f"{images}/initrd", "-append", words,
            "-drive", f"file={images}/root.ext4,if=virtio,format=raw,snapshot=on",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", "socket,id=agent,path={dir}/agent,server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=lab.agent",
            "-virtfs", "local,path={dir}/share,mount_tag=host,security_model=none",
            *(["-icount", icount] if icount else []), *devices]
        self.launch(command, folder, counted=bool(icount))

    def launch(self, command, folder, counted):
        """Start QEMU; `counted`: time is a number of instructions."""
        self.dir = pathlib.Path(folder)
        self.console = self.dir / "console.log"
        self.numbers = itertools.count(1)
        self.patience = 4 if counted else 1  # its seconds may be long
        self.spawned = []  # names of the processes in the background, since the last clean()
        self.heard = {}  # name: lines of its output that are here already
        command = [word.replace("{dir}", str(self.dir)) for word in command]
        if counted:
            # It waits for those whose time passes.
            command = ["nice", "-n", "19", *command]
        self.started = time.monotonic()
        with open(self.dir / "qemu.log", "wb") as log:
            # snapshot=on keeps what the guest writes in a file of TMPDIR without a name.
            self.process = subprocess.Popen(MORTAL + command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, "TMPDIR": "/var/tmp"})
        try:
            self.monitor = Lines(self.dir / "qmp", "id", MONITOR_S * self.patience)
            self.command("qmp_capabilities")
            self.agent = self.connect_agent()
            self.ask("now", BOOT_S)
        except Failure as error:
            said = (self.dir / "qemu.log").read_text(errors="replace")
            self.stop()
            raise Failure(f"the guest does not start: {error}\n{said}") from None
        self.boot_s = time.monotonic() - self.started

    def connect_agent(self):
        return Lines(self.dir / "agent", "id", MONITOR_S * self.patience)

    # ---- from outside ----------------------------------------------------------------------

    def command(self, name, **arguments):
        """A command of the QEMU monitor protocol."""
        number = f"m{next(self.numbers)}"
        answer = self.monitor.ask(
            number, {"execute": name, "arguments": arguments, "id": number},
            MONITOR_S * self.patience)
        if "error" in answer:
            raise Failure(f"QEMU refuses {name}: {answer['error']['desc']}")
        return answer["return"]

    def place(self):
        """Where the next event of QEMU will stand, for those two below."""
        return len(self.monitor.others)

    def events(self, name, place=0):
        """Events of this name from this place on; "t" is the time on the host's wall."""
        return [{"t": m["timestamp"]["seconds"] + m["timestamp"]["microseconds"] * 1e-6, **m}
                for m in self.monitor.others[place:] if m.get("event") == name]

    def wait_event(self, name, place, seconds):
        deadline = time.monotonic() + seconds
        while not self.events(name, place):
            if time.monotonic() > deadline:
                raise Failure(f"no {name} of QEMU within {seconds} s")
            time.sleep(0.01)
        return self.events(name, place)[0]

    def processor_s(self):
        """What QEMU has used of the host's processors since its start, 0.0 when it has ended."""
        try:
            stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        user, system = stat.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(Failure, OSError, AttributeError):
                self.monitor.socket.sendall(b'{"execute":"quit"}\n')
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    # ---- inside ----------------------------------------------------------------------------

    def ask(self, op, seconds=30, **arguments):
        number = f"a{next(self.numbers)}"
        if op == "spawn":
            self.spawned.append(arguments["name"])
            self.heard[arguments["name"]] = []
        answer = self.agent.ask(number, {"op": op, "id": number, **arguments},
                                seconds * self.patience)
        if "error" in answer:
            raise Failure(f"in the guest, {op} {arguments}: {answer['error']}")
        return answer

    def lines(self, name):
        """What a process in the background has said, [t, text] each, and its exit status, None while it
        runs. Only what is new comes from the guest."""
        heard = self.heard[name]
        answer = self.ask("lines", name=name, since=len(heard))
        heard += answer["lines"]
        return {"lines": heard, "rc": answer["rc"]}

    def run(self, cmd, timeout=60, check=True):
        """A shell command to its end; the answer has rc, out, begin, end (guest's clock)."""
        answer = self.ask("run", timeout + ANSWER_MARGIN_S, cmd=cmd, timeout=timeout)
        if check and answer["rc"] != 0:
            raise Failure(f"in the guest: {cmd}\nexit status {answer['rc']}: {answer['out']}")
        return answer

    def out(self, cmd, **options):
        return self.run(cmd, **options)["out"].strip()

    def now(self):
        return self.ask("now")["t"]

    def await_boot(self, old):
        """Until the agent of another boot than the one with this id answers."""
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            # A request in the moment of the reset is lost.
            with contextlib.suppress(Failure):
                answer = self.ask("run", 5, cmd="cat /proc/sys/kernel/random/boot_id")
                if answer["out"].strip() != old:
                    return
            time.sleep(0.5)
        raise Failure(f"the guest is not back {BOOT_S} s after the reset")

    def read(self, path):
        return base64.b64decode(self.ask("read", path=path)["data"])
