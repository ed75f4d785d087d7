#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stops one thread of a process alone, as nothing but a tracer can, until it is killed.

    hold.py PID THREAD-NAME
"""

import ctypes
import os
import pathlib
import signal
import sys

SEIZE, INTERRUPT = 0x4206, 0x4207


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    for task in pathlib.Path(f"/proc/{sys.argv[1]}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == sys.argv[2]:
            for request in (SEIZE, INTERRUPT):
                if libc.ptrace(request, int(task.name), None, None) != 0:
                    sys.exit(os.strerror(ctypes.get_errno()))
            print("held", flush=True)
            signal.pause()
    sys.exit(f"no thread {sys.argv[2]}")


if __name__ == "__main__":
    main()
