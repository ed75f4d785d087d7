#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load of tests/bench/run on the bench bus: what the bus refuses does not count as load.

Environment: JKP_SOURCE_DIR
"""

import importlib.machinery
import importlib.util
import os
import pathlib
import socket
import struct
import sys
import tempfile
import threading
import types
import unittest

sys.dont_write_bytecode = True
RUN = pathlib.Path(os.environ["JKP_SOURCE_DIR"]) / "tests/bench/run"
RATE, SECONDS = 4000, 0.3


def load():
    loader = importlib.machinery.SourceFileLoader("bench_run", str(RUN))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
    loader.exec_module(module)
    return module


class Flood(unittest.TestCase):
    def flood(self, reads):
        """Return: what it says has left, and what has come, a second."""
        run = load()
        bench = run.Bench(types.SimpleNamespace(build="/nowhere"))
        bench.lib = types.SimpleNamespace(CAN_FRAME=struct.Struct("=IB3x8s"))
        came = []
        with tempfile.TemporaryDirectory() as folder, socket.socket(
                socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(folder + "/bus")
            listener.listen(1)

            def take():
                peer = listener.accept()[0]
                peer.settimeout(SECONDS * 4)
                done.wait(0 if reads else 30)
                while peer.recv(64):
                    came.append(1)
                peer.close()

            done = threading.Event()
            thread = threading.Thread(target=take)
            thread.start()
            left = bench.flood(types.SimpleNamespace(bus=folder + "/bus"), RATE, SECONDS)
            done.set()
            thread.join()
        bench.close()
        return left, len(came) / SECONDS

    def test_all_of_it_leaves_where_somebody_reads(self):
        left, came = self.flood(True)
        self.assertGreater(left, 0)
        self.assertLessEqual(left, RATE * 1.01)
        self.assertLessEqual(left, came)

    def test_what_is_refused_has_not_left(self):
        left, came = self.flood(False)
        self.assertLess(left, RATE / 2)  # the queue of a socket takes some hundred
        self.assertLessEqual(left, came)


if __name__ == "__main__":
    unittest.main()
