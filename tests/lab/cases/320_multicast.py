# SPDX-License-Identifier: Apache-2.0
"""Datagrams as an energy meter sends them, on the second of two interfaces: what the part of the
daemon that listens to it will find. The meter has a network namespace of its own."""
TITLE = "multicast: heard on the interface that was named, and on no other"
MACHINE = "bench"
SECONDS = 120

from bench import check

NET = "10.9.8"
TOOL = "python3 /host/plain/multicast.py"
NUMBER = 10


def lines(lab):
    return [line for _, line in lab.machine.lines("ears")["lines"]]


def heard(lab):
    return [line for line in lines(lab) if line.startswith("heard")]


def send(lab, where, interface):
    """Datagrams, and what was heard of them half a second later."""
    before = len(heard(lab))
    lab.run(f"{where} {TOOL} send {interface} {NUMBER} 0.02")
    lab.sleep(0.5)
    return heard(lab)[before:]


def connect_meter(lab):
    lab.run(f"ip link add sma0 type veth peer name eth0 netns meter && "
            f"ip addr add {NET}.1/24 dev sma0 && ip link set sma0 up && "
            f"ip -n meter addr add {NET}.2/24 dev eth0 && ip -n meter link set eth0 up")


def run(lab):
    meter = "ip netns exec meter"
    expected = [f"heard sma0 {NET}.2 608 {n}" for n in range(NUMBER)]
    try:
        lab.run("ip netns add meter && ip link add wan0 type dummy && "
                "ip addr add 192.0.2.1/24 dev wan0 && ip link set wan0 up && "
                "ip route add default via 192.0.2.2")
        connect_meter(lab)
        lab.machine.ask("spawn", name="ears", cmd=f"exec {TOOL} hear sma0")
        lab.wait(lambda: lines(lab), 20, "the listener listens")
        check("239.12.255.254" in lab.out("ip maddr show dev sma0"), "sma0 has joined the group")

        got = send(lab, meter, "eth0")
        check(got == expected, f"the meter's datagrams: {got}")
        got = send(lab, "", "wan0")
        check(not got, f"heard from another interface: {got}")
        lab.run("ip link set sma0 down; ip link set sma0 up")
        got = send(lab, meter, "eth0")
        check(got == expected, f"after the link was down and up: {got}")

        # Made anew under the same name it is another interface: nobody has joined there.
        lab.run("ip link del sma0")
        connect_meter(lab)
        got = send(lab, meter, "eth0")
        check(not got, f"heard on an interface that nobody has joined: {got}")
        lab.machine.ask("input", name="ears", text="join\n")
        lab.wait(lambda: "joined again" in lines(lab), 5, "joined again")
        got = send(lab, meter, "eth0")
        check(got == expected, f"after joining again: {got}")
    finally:
        lab.machine.ask("killall")
        lab.run("ip link del sma0; ip link del wan0; ip netns del meter", check=False)
