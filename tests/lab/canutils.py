# SPDX-License-Identifier: Apache-2.0
"""A log of candump, and what the other programs of can-utils and our own make of it. A frame here is
(identifier, bytes), as text in capitals."""

import re

from bench import check

LOG_LINE = re.compile(r"^\(\d+\.\d+\) +\w+ +([0-9A-F]+)#((?:[0-9A-F]{2})*)\b", re.MULTILINE)
ASC_LINE = re.compile(r"^ *\d+\.\d+ +\d+ +([0-9A-F]+) +[TR]x +d +(\d) *((?: ?[0-9A-F]{2})*) *$",
                      re.MULTILINE)
FOLDER = "/run/lab/candump"


def start_log(lab, interface, namespace):
    lab.run(f"mkdir -p {FOLDER}")
    lab.machine.ask("spawn", name="candump", cmd=(
        f"cd {FOLDER} && exec ip netns exec {namespace} candump -l {interface}"))
    lab.wait(lambda: lab.run(f"ls {FOLDER}/*.log", check=False)["rc"] == 0, 10, "candump logs")


def end_log(lab):
    """Name of the log."""
    lab.machine.ask("kill", name="candump", number=15)
    lab.wait(lambda: lab.machine.lines("candump")["rc"] is not None, 10,
             "candump ends")
    return lab.out(f"ls {FOLDER}/*.log")


def of_log(text):
    return LOG_LINE.findall(text)


def of_asc(text):
    found = ASC_LINE.findall(text)
    check(all(len(data.split()) == int(n) for _, n, data in found), "lengths in the ASC log")
    return [(ident, data.replace(" ", "")) for ident, _, data in found]


def same(name, got, frames):
    at = next((i for i, (a, b) in enumerate(zip(got, frames)) if a != b), min(len(got), len(frames)))
    check(got == frames, f"{name}: {len(got)} frames of {len(frames)}; first difference at {at}: "
          f"{got[at:at + 1]} instead of {frames[at:at + 1]}")


def replay(lab, log, interface, frames):
    """canplayer on a virtual bus; candump and canview listen."""
    listeners = {"candump": "candump -r 2000000 -L vcan9",
                 "canview": f"jkpylon-canview -x -n {len(frames)} vcan9"}
    lab.run("ip link add dev vcan9 type vcan && ip link set vcan9 up")
    try:
        for name, command in listeners.items():
            lab.machine.ask("spawn", name=f"{name}9", cmd=f"exec {command} >{FOLDER}/{name}")
        # There is a socket on the interface when its receive list has an entry.
        lab.wait(lambda: int(lab.out("grep -c vcan9 /proc/net/can/rcvlist_all || true")) == 2, 10,
                 "both listen")
        lab.run(f"canplayer -t -I {log} vcan9={interface}")
        lab.wait(lambda: lab.machine.lines("canview9")["rc"] is not None, 20,
                 f"canview has heard {len(frames)} frames")
        lab.machine.ask("kill", name="candump9", number=15)
        for name in listeners:
            lab.wait(lambda n=name: lab.machine.lines(f"{n}9")["rc"] is not None, 10,
                     f"{name} ends")
            same(f"canplayer, heard by {name}", of_log(lab.out(f"cat {FOLDER}/{name}")), frames)
    finally:
        lab.run("ip link del vcan9")


def check_tools(lab, log, interface):
    """Everything reads the same frames out of the log; returns them."""
    frames = of_log(lab.out(f"cat {log}"))
    check(len(frames) == int(lab.out(f"wc -l <{log}")) > 0, "each line of the log is a frame")
    asc = f"log2asc -I {log} {interface}"
    same("log2asc", of_asc(lab.out(asc)), frames)
    same("log2asc | asc2log", of_log(lab.out(f"{asc} | asc2log")), frames)
    replay(lab, log, interface, frames)
    return frames
