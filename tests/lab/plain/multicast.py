#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams of an energy meter, sent or heard on one given interface.

    multicast.py send INTERFACE NUMBER GAP_S     prints:  sent N
    multicast.py hear INTERFACE                  prints:  heard INTERFACE SENDER SIZE N
                                                 a line "join" on its input: joins the group again

The interface is always named: the kernel's own choice is that of the default route."""

import os
import select
import socket
import struct
import sys
import time

GROUP, PORT = "239.12.255.254", 9522
IP_PKTINFO, IP_MULTICAST_ALL = 8, 49
# "SMA", a tag with the group, the length of the data, protocol 0x6069; then zeros but a counter.
HEAD = b"SMA\0" + bytes.fromhex("0004 02a0 0000 0001 0244 0010 6069")
SIZE = 608


def mreqn(interface):
    """struct ip_mreqn: group, no address, index of the interface"""
    return struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex(interface))


def send(interface, number, gap):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreqn(interface))
        for n in range(number):
            data = HEAD + struct.pack(">I", n)
            s.sendto(data.ljust(SIZE, b"\0"), (GROUP, PORT))
            time.sleep(gap)
    print("sent", number, flush=True)


def hear(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((GROUP, PORT))
        s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        # Else the socket hears all groups that anybody on this machine has joined.
        s.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreqn(interface))
        print("listens", flush=True)
        while True:
            if 0 in select.select([s, 0], [], [])[0]:
                if not os.read(0, 100):
                    return
                s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreqn(interface))
                print("joined again", flush=True)
                continue
            data, ancillary, _, (sender, _) = s.recvmsg(2048, 128)
            index = next(struct.unpack("=i", d[:4])[0] for _, k, d in ancillary if k == IP_PKTINFO)
            if data.startswith(HEAD):
                n = struct.unpack_from(">I", data, len(HEAD))[0]
                print("heard", socket.if_indextoname(index), sender, len(data), n, flush=True)


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
else:
    hear(sys.argv[2])
