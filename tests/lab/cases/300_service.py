# SPDX-License-Identifier: Apache-2.0
"""A worker that is killed is replaced by the guard, a guard by systemd. What is on the bus after
the end of one came from a queue of the kernel, or the machine stood still: both are looked at."""
TITLE = "service: shipped unit, unprivileged, READY, killed, stopped; with and without CAP_NET_ADMIN"
MACHINE = "bench"
SECONDS = 240

from bench import check, limits
from service import configure, show, start

NET_ADMIN = 1 << 12
CPUS = (0, 1)
LAST_S = 0.2  # a frame that was under way


def privileges(lab, capabilities):
    for pid in (int(show(lab, "MainPID")), lab.worker()):
        status = dict(line.split(":\t", 1) for line in
                      lab.out(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
        name = status["Name"]
        uid = lab.out("id -u jkpylon")
        check(set(status["Uid"].split()) == {uid}, f"{name} runs as {status['Uid']}, not {uid}")
        check(int(status["CapEff"], 16) == capabilities, f"{name}: CapEff {status['CapEff']}")
        check(int(status["CapBnd"], 16) == capabilities, f"{name}: CapBnd {status['CapBnd']}")
        check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", f"{name} is not confined")
    threads = lab.out(f"ps -L -o cls=,rtprio=,comm= -p {lab.worker()}")
    check("FF     80 cycle" in threads, f"threads:\n{threads}")
    held = lab.out(f"ls -l /proc/{lab.worker()}/fd")
    check("cpu_dma_latency" in held, f"the worker does not hold cpu_dma_latency:\n{held}")
    check("FF     90" in lab.out(f"ps -o cls=,rtprio= -p {show(lab, 'MainPID')}"), "guard at 90")


def kill(lab, pid):
    """When it was gone, all threads and sockets of it, and what its interface still had to send."""
    answer = lab.run(f"kill -KILL {pid}; while [ -e /proc/{pid} ]; do :; done; "
                     "tc -s qdisc show dev can0 | grep backlog")
    return answer["end"], " ".join(answer["out"].split())


def killed(lab, who, pid, again):
    """The service as it was before and after, and the first frame of what took the place."""
    before = show(lab, "MainPID"), int(show(lab, "NRestarts"))
    gone, queue = kill(lab, pid)
    again(before)
    zero = lab.wait(lambda: next((f for f in lab.frames(0x351, gone) if limits(f) == (0, 0)), None),
                    15, f"{who} killed: frames that say 0 A")
    lab.note(f"{who} killed: 0 A on the bus after {zero.t - gone:.2f} s; {queue}")
    for f in lab.frames(0x351, gone):
        pauses = lab.pauses(gone, *CPUS)
        paused = sum(max(0, min(f.t, end) - max(gone, begin)) for begin, end in pauses)
        if f.t < zero.t and f.t - gone > LAST_S:
            text = (f"{limits(f)} {f.t - gone:.2f} s after the end of the {who}, {paused:.2f} s of "
                    f"them stood still; {queue}")
            check(f.t - gone <= LAST_S + paused, text)
            lab.note(text)
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", zero.t)


def worker_replaced(lab):
    old = lab.worker()

    def again(before):
        lab.wait_worker(old, 15, "a new worker")
        check((show(lab, "MainPID"), int(show(lab, "NRestarts"))) == before, "the guard goes on")

    killed(lab, "worker", old, again)
    check(show(lab, "ActiveState") == "active", "the service goes on")


def guard_restarted(lab):
    def again(before):
        lab.wait(lambda: int(show(lab, "NRestarts")) == before[1] + 1, 15, "one restart")

    killed(lab, "guard", show(lab, "MainPID"), again)


def stop(lab):
    begin = lab.now()
    end = lab.run("systemctl stop jkpylond", timeout=20)["end"]
    last = lab.last_frames(begin)
    check(limits(last[0x351]) == (0, 0), f"last limits {limits(last[0x351])}")
    check(last[0x35C].data[0] & 0xC0 == 0, f"last enables {last[0x35C].data.hex()}")
    check(show(lab, "Result") == "success", f"result {show(lab, 'Result')}")
    lab.note(f"stopped after {end - begin:.2f} s")


def exposure(lab, manage, bound):
    """What the service manager says of the unit with its drop-ins; 0 is nothing, 10 everything."""
    said = lab.run(f"systemd-analyze security --no-pager --threshold={bound} jkpylond.service",
                   check=False)
    figure = said["out"].splitlines()[-1].split(":")[1].split()[0]
    lab.note(f"can.manage={manage}: exposure {figure}")
    check(said["rc"] == 0 and float(figure) * 10 <= bound, f"exposure above {bound / 10}: {figure}")
    # The pages themselves are not in this guest.
    verify = lab.run("systemd-analyze verify --man=no jkpylond.service", check=False)
    check(verify["rc"] == 0 and not verify["out"], f"systemd-analyze verify:\n{verify['out']}")


def run(lab):
    lab.start_node()
    lab.watch(*CPUS)
    warned = lab.out("systemd-analyze verify --man=no jkpylond.service 2>&1 | grep jkpylond || true")
    check(not warned, f"systemd-analyze verify: {warned}")

    configure(lab, "no")
    lab.run("ip link set can0 up type can bitrate 500000")
    ready, first = start(lab)
    lab.note(f"can.manage=no: READY after {ready:.2f} s, first frame after {first:.2f} s")
    privileges(lab, 0)
    worker_replaced(lab)
    guard_restarted(lab)
    stop(lab)
    exposure(lab, "no", 16)

    configure(lab, "yes")
    lab.run("ip link set can0 down; ip link set can0 type can bitrate 125000")
    ready, first = start(lab)
    lab.note(f"can.manage=yes: READY after {ready:.2f} s, first frame after {first:.2f} s")
    privileges(lab, NET_ADMIN)
    check("bitrate 500000" in lab.out("ip -d link show can0"), "bit rate set by the service")
    stop(lab)
    exposure(lab, "yes", 20)
