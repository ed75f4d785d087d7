#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More than anybody wants to hear.

    flood.py udp PORT RATE     datagrams to 127.0.0.1, of many sizes, some with the beginning of a meter's
    flood.py mqtt PORT RATE    orders to a broker on 127.0.0.1, half of them beyond every range

RATE is per second, in bursts of a hundredth of that. Runs until it is killed.
"""

import itertools
import socket
import struct
import sys
import time

BURSTS = 100  # a second
SIZES = (0, 20, 608, 1400)
START = b"SMA\0\0\x04\x02\xa0\0\0\0\1"
ORDERS = (b"399", b"-1", b'{"value":60,"ttl":1}', b"no number", b'{"value":1e9,"ttl":60}')


def text_of(data):
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in itertools.count():
        data = (START if n % 3 == 0 else b"") + bytes(n * 7 % 256 for _ in range(4))
        yield lambda data=data, size=SIZES[n % len(SIZES)]: s.sendto((data * 400)[:size],
                                                                     ("127.0.0.1", port))


def mqtt(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(packet(0x10, text_of(b"MQTT") + b"\4\2\0\0" + text_of(b"flood")))
    s.recv(16)
    for n in itertools.count():
        body = text_of(b"jkpylon/set/charge_limit") + ORDERS[n % len(ORDERS)]
        yield lambda body=body: s.sendall(packet(0x30, body))


def main():
    kind, port, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sends = {"udp": udp, "mqtt": mqtt}[kind](port)
    due = time.monotonic()
    while True:
        for send in itertools.islice(sends, max(rate // BURSTS, 1)):
            send()
        due += 1 / BURSTS
        time.sleep(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    main()
