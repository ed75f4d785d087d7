# SPDX-License-Identifier: Apache-2.0
"""What a user gets wrong with an interface: message with the remedy, exit status 2, nothing sent."""
TITLE = "start refused: interface down, absent, of another type, no right to set it up"
MACHINE = "bench"
SECONDS = 60

from bench import CONFIG, DAEMON, check

REFUSED_S = 5.0
AS_NOBODY = "setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all"


def refused(lab, words, prefix="", **changes):
    lab.config(**changes)
    answer = lab.run(f"{prefix} {DAEMON} --config {CONFIG}", check=False, timeout=20)
    said = answer["out"]
    check(answer["rc"] == 2, f"exit status {answer['rc']}: {said}")
    for word in words:
        check(word in said, f"\"{word}\" is not in: {said}")
    check(answer["end"] - answer["begin"] <= REFUSED_S, "it takes too long")
    return next(line for line in said.splitlines() if words[0] in line)


def run(lab):
    lab.start_node()
    begin = lab.now()
    for changes, words in (
            ({"can_manage": "no"}, ("can0 is down and can.manage=no", "ip link set can0 up type can")),
            ({"can_interface": "can7"}, ("can7 does not exist", "ip -br link")),
            ({"can_interface": "lo"}, ("lo is a network interface, but no CAN interface",))):
        lab.note(refused(lab, words, **changes))
    # The right to set up an interface is missing; all else is there.
    lab.run("chmod 666 /dev/ttyUSB0; mkdir -p -m 777 /run/lab/nobody")
    said = refused(lab, ("can0", "CAP_NET_ADMIN"), AS_NOBODY, can_manage="yes", rt_required="no",
                   rt_stats="/run/lab/nobody/stats", failsafe_state="/run/lab/nobody/state")
    lab.note(said)
    check(not lab.frames(since=begin), "a frame on the bus")
    check("state DOWN" in lab.out("ip link show can0"), "can0 is as it was")
