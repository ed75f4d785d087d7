# SPDX-License-Identifier: Apache-2.0
TITLE = "service: shipped unit, unprivileged, READY, killed, stopped; with and without CAP_NET_ADMIN"
MACHINE = "bench"
SECONDS = 240

from bench import check, limits
from service import configure, show, start, worker

NET_ADMIN = 1 << 12


def privileges(lab, capabilities):
    for pid in (int(show(lab, "MainPID")), worker(lab)):
        status = dict(line.split(":\t", 1) for line in
                      lab.out(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
        name = status["Name"]
        uid = lab.out("id -u jkpylon")
        check(set(status["Uid"].split()) == {uid}, f"{name} runs as {status['Uid']}, not {uid}")
        check(int(status["CapEff"], 16) == capabilities, f"{name}: CapEff {status['CapEff']}")
        check(int(status["CapBnd"], 16) == capabilities, f"{name}: CapBnd {status['CapBnd']}")
        check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", f"{name} is not confined")
    threads = lab.out(f"ps -L -o cls=,rtprio=,comm= -p {worker(lab)}")
    check("FF     80 cycle" in threads, f"threads:\n{threads}")
    held = lab.out(f"ls -l /proc/{worker(lab)}/fd")
    check("cpu_dma_latency" in held, f"the worker does not hold cpu_dma_latency:\n{held}")
    check("FF     90" in lab.out(f"ps -o cls=,rtprio= -p {show(lab, 'MainPID')}"), "guard at 90")


def killed(lab, who, pid):
    before = int(show(lab, "NRestarts"))
    kill = lab.run(f"kill -KILL {pid}")["end"]
    zero = lab.wait(lambda: lab.frames(0x351, kill + 0.2), 15, "frames after the restart")[0]
    lab.note(f"{who} killed: restarted, 0 A on the bus after {zero.t - kill:.2f} s")
    check(limits(zero) == (0, 0), f"first limits after the restart {limits(zero)}")
    check(int(show(lab, "NRestarts")) == before + 1, "one restart")
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", zero.t)


def stop(lab):
    begin = lab.now()
    end = lab.run("systemctl stop jkpylond", timeout=20)["end"]
    last = lab.last_frames(begin)
    check(limits(last[0x351]) == (0, 0), f"last limits {limits(last[0x351])}")
    check(last[0x35C].data[0] & 0xC0 == 0, f"last enables {last[0x35C].data.hex()}")
    check(show(lab, "Result") == "success", f"result {show(lab, 'Result')}")
    lab.note(f"stopped after {end - begin:.2f} s")


def run(lab):
    lab.start_node()
    warned = lab.out("systemd-analyze verify --man=no jkpylond.service 2>&1 | grep jkpylond || true")
    check(not warned, f"systemd-analyze verify: {warned}")

    configure(lab, "no")
    lab.run("ip link set can0 up type can bitrate 500000")
    ready, first = start(lab)
    lab.note(f"can.manage=no: READY after {ready:.2f} s, first frame after {first:.2f} s")
    privileges(lab, 0)
    killed(lab, "worker", worker(lab))
    killed(lab, "guard", show(lab, "MainPID"))
    stop(lab)

    configure(lab, "yes")
    lab.run("ip link set can0 down; ip link set can0 type can bitrate 125000")
    ready, first = start(lab)
    lab.note(f"can.manage=yes: READY after {ready:.2f} s, first frame after {first:.2f} s")
    privileges(lab, NET_ADMIN)
    check("bitrate 500000" in lab.out("ip -d link show can0"), "bit rate set by the service")
    stop(lab)
    lab.note(lab.out("systemd-analyze security --no-pager jkpylond.service | tail -n 1"))
