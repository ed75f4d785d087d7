# SPDX-License-Identifier: Apache-2.0
"""A running jkpylon-sim goodwe: a GoodWe inverter on the loopback, told what to say over its socket.

Environment: JKP_SIM, the program.
"""

import json
import os
import socket
import subprocess
import tempfile
import time

SIM = os.environ["JKP_SIM"]


class Goodwe:
    """A context manager. Its port is free and its own: such benches run beside each other."""

    def __init__(self, *args):
        self.args = args

    def __enter__(self):
        self.temp = tempfile.TemporaryDirectory(prefix="jkp-goodwe.")
        control = os.path.join(self.temp.name, "control")
        self.process = subprocess.Popen(
            [SIM, "goodwe", "--listen", "127.0.0.1:0", "--control", "unix:" + control, *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 20
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(control)
                break
            except OSError:
                self.socket.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    self.process.kill()
                    raise AssertionError("no simulator: " + self.process.stderr.read()) from None
                time.sleep(0.01)
        self.answers = self.socket.makefile("r")
        self.port = self.status()["port"]
        return self

    def __exit__(self, *unused):
        self.socket.close()
        self.answers.close()
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        self.temp.cleanup()

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.answers.readline().strip()

    def tell(self, *lines):
        for line in lines:
            answer = self.command(line)
            if answer != "ok":
                raise AssertionError(f"{line}: {answer}")

    def status(self):
        return json.loads(self.command("status"))
