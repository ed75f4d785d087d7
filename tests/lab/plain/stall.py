#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes TCP connections on a port of 127.0.0.1, and says nothing to anybody.

    stall.py PORT
"""

import socket
import sys


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(16)
    print("listens", flush=True)
    kept = []
    while True:
        kept.append(listener.accept())
        print("taken", flush=True)


if __name__ == "__main__":
    main()
