# SPDX-License-Identifier: Apache-2.0
"""The ARM machines. Both start Debian's armhf realtime kernel with everything in the initramfs: an
emulated Raspberry Pi takes more than a minute to start systemd."""

import collections
import pathlib
import threading
import time

import bench
import slcan
from machine import BOOT_S, Failure, Lines, Machine

BMS = "/dev/bms"
ADAPTER = "/dev/can-adapter"
SLCAN = "slcan0"
VCAN = "vcan0"
USB_S = 60
NS_PER_INSTRUCTION = 2  # shift=1

# Machines that cases can ask for: arguments of QEMU.
MACHINES = {
    # A Raspberry Pi 2: four processors, clock of the host. BMS and CAN are USB serial adapters with
    # their far ends on the host. The USB host would wait 40 s for regulators that the board does not
    # describe: deferred_probe_timeout.
    "pi2": [
        "-machine", "raspi2b", "-dtb", "{images}/pi2.dtb", "-serial", "chardev:agent",
        *[word for name in ("bms", "can") for word in (
            "-chardev", f"socket,id={name},path={{dir}}/{name},server=on,wait=off",
            "-device", f"usb-serial,chardev={name},id={name}usb,serial={name},always-plugged=on")],
        "-append", "console=ttyAMA0,115200 quiet lab.agent=tty deferred_probe_timeout=1"],
    # One such processor; time is the number of instructions.
    "icount-arm": [
        "-machine", "virt,highmem=off", "-cpu", "cortex-a7", "-smp", "1", "-m", "512",
        "-icount", "shift=1,sleep=off", "-serial", "file:{dir}/console.log",
        "-device", "virtio-serial-device",
        "-device", "virtserialport,chardev=agent,name=lab.agent",
        "-append", "console=ttyAMA0 quiet"],
}

Thread = collections.namedtuple("Thread", "name ns")


class Console(Lines):
    """The agent on a line that the kernel writes to as well: what is no object goes to a file."""

    def __init__(self, path, log):
        self.ready = threading.Event()
        self.log = open(log, "wb", buffering=0)
        super().__init__(path, "id")

    def take(self, line):
        at = line.find(b'{"')
        if at < 0:
            self.log.write(line)
        elif line.startswith(b'{"id": "ready"', at):
            self.ready.set()
        else:
            super().take(line[at:])


class ArmMachine(Machine):
    """A running ARM guest."""

    def __init__(self, images, folder, kind):
        self.kind = kind
        command = [
            "qemu-system-arm", *MACHINES[kind], "-display", "none", "-monitor", "none",
            "-nic", "none", "-no-reboot", "-qmp", "unix:{dir}/qmp,server=on,wait=off",
            "-chardev", "socket,id=agent,path={dir}/agent,server=on,wait=off",
            "-kernel", "{images}/vmlinuz", "-initrd", "{images}/initrd"]
        self.launch([word.replace("{images}", str(images)) for word in command], folder,
                    counted=kind != "pi2")

    def connect_agent(self):
        if self.kind != "pi2":
            return super().connect_agent()
        console = Console(self.dir / "agent", self.console)
        # Before that it would be an echo.
        if not console.ready.wait(BOOT_S):
            raise Failure(f"no agent within {BOOT_S} s, see {self.console}")
        return console

    def word(self, address):
        """A register or word of memory as the processor would read it, without its taking part."""
        said = self.command("human-monitor-command", **{"command-line": f"xp /1wx {address:#x}"})
        return int(said.split()[-1], 16)

    def wait_reset(self, begin, seconds):
        """Seconds from begin until the guest has reset itself; a reset ends this machine."""
        while self.process.poll() is None:
            bench.check(time.monotonic() < begin + seconds, f"no reset within {seconds} s")
            time.sleep(0.05)
        reasons = [m["data"].get("reason") for m in self.monitor.others
                   if m.get("event") == "SHUTDOWN"]
        bench.check(reasons == ["guest-reset"], f"the machine ended by {reasons}")
        return time.monotonic() - begin


class ArmLab(bench.Lab):
    """An ARM machine with everything around it; cleaned between cases."""

    def __init__(self, kind, images, product, folder):
        self.kind = kind
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.notes, self.figures = [], {}
        self.daemons = self.nodes = 0
        self.spent = False
        self.host_bms = self.inverter = None
        self.bus = VCAN
        self.machine = ArmMachine(images, self.dir, kind)
        if kind == "pi2":
            self.host_bms = bench.HostBms(product / "sim", self.dir)
            self.inverter = slcan.Inverter(self.dir / "can")
        self.run(f"ip link add {VCAN} type vcan && ip link set {VCAN} up")
        self.set_up()

    def set_up(self):
        """The CAN adapter as an interface, its far end as an inverter."""
        if not self.inverter:
            return
        for name, link in (("bms", BMS), ("can", ADAPTER)):
            self.run(f"""
                for i in $(seq {USB_S * 5}); do
                    for tty in /sys/class/tty/ttyUSB*; do
                        [ "$(cat $tty/device/../../serial 2>/dev/null)" = {name} ] || continue
                        ln -sf /dev/${{tty##*/}} {link}
                        exit
                    done
                    sleep 0.2
                done
                echo "no USB adapter {name} after {USB_S} s"
                exit 1""", timeout=USB_S + 20)
        self.machine.ask("spawn", name="slcand", cmd=["slcand", "-F", ADAPTER, SLCAN])
        self.run(f"for i in $(seq 100); do [ -e /sys/class/net/{SLCAN} ] && exit; sleep 0.1; done; "
                 "exit 1")
        self.ahead = self.clock_difference()

    def clean(self):
        """Back to the state after boot; raises if that fails."""
        self.machine.ask("killall")
        self.run("rm -rf /run/lab/* /run/jkpylon")
        if self.host_bms:
            self.host_bms.tell("heal")
            self.inverter.forget()
        self.daemons = self.nodes = 0
        self.machine.spawned.clear()
        self.bus = VCAN
        self.set_up()

    def stop(self):
        if self.inverter:
            self.inverter.close()
        super().stop()

    # ---- the two ends of the bus ---------------------------------------------------------

    def start_node(self):
        name = f"node{self.nodes}"
        self.nodes += 1
        # With an inverter outside, it only takes the time of frames as the guest has it.
        role = ["silent"] if self.bus == SLCAN else []
        self.machine.ask("spawn", name=name, cmd=["python3", "/lab/node.py", self.bus, *role])
        self.wait(lambda: self.machine.lines(name)["lines"], 30, "the node listens")

    def outside(self, ident=None, since=0.0):
        """What the inverter outside has heard, in time of the guest."""
        return [f._replace(t=f.t - self.ahead) for f in list(self.inverter.frames)
                if f.t - self.ahead >= since and ident in (None, f.id)]

    # ---- the daemon ----------------------------------------------------------------------

    def start_daemon(self, prefix="", wait=True, bus=None, **changes):
        """The daemon on one of the two buses, see bench.Lab."""
        bus = bus or (SLCAN if self.inverter else VCAN)
        if bus != self.bus or not self.nodes:
            self.bus = bus
            self.start_node()
        settings = {"can_interface": self.bus, "can_manage": "yes" if bus == SLCAN else "no"}
        if self.host_bms:
            settings["bms_device"] = BMS
        return super().start_daemon(prefix, wait, **{**settings, **changes})

    def threads(self, pid):
        """Threads of a process by their ids, with the time that they have run."""
        out = self.out(f"cd /proc/{pid}/task && for t in *; do "
                       "echo $t $(cat $t/comm) $(cut -d' ' -f1 $t/schedstat); done")
        return {int(tid): Thread(name, int(ns))
                for tid, name, ns in (line.split() for line in out.splitlines())}

    def memory(self, pid):
        """KiB of a process by the names of /proc/PID/smaps_rollup."""
        words = (line.split() for line in self.out(f"cat /proc/{pid}/smaps_rollup").splitlines())
        return {w[0].rstrip(":"): int(w[1]) for w in words if w[-1] == "kB"}
