# SPDX-License-Identifier: Apache-2.0
"""A running jkpylon-sim sems: a portal over https on the loopback, told what to say over its socket.

Environment: JKP_SIM, the program.
"""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

SIM = os.environ["JKP_SIM"]
ACCOUNT = "probe@example.com"
PASSWORD = "sems_test_password"
STATION = "00000000-0000-4000-8000-000000000001"
# What must be in no log: also as SEMS+ wants the password, and what each session is called.
SECRETS = [ACCOUNT, PASSWORD, "e2fa4d42ae98ccb11dc845baaf5ae1c7",
           "ZTJmYTRkNDJhZTk4Y2NiMTFkYzg0NWJhYWY1YWUxYzc=", "-secret", "uid-0", "token-0"]


def no_secret(text):
    """The first secret in a text, or None."""
    return next((s for s in SECRETS if s in text), None)


class Portal:
    """A context manager. Its port is free and its own: such benches run beside each other."""

    def __enter__(self):
        self.temp = tempfile.TemporaryDirectory(prefix="jkp-sems.")
        self.dir = pathlib.Path(self.temp.name)
        os.chmod(self.dir, 0o755)
        control = str(self.dir / "control")
        self.ca = str(self.dir / "ca.pem")
        self.login = self.dir / "login"
        self.login.write_text(f"{ACCOUNT}\n{PASSWORD}\n", encoding="utf-8")
        self.login.chmod(0o600)
        self.process = subprocess.Popen(
            [SIM, "sems", "--control", "unix:" + control, "--ca", self.ca],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 40
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
                time.sleep(0.02)
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

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def keys(self, **changes):
        """[sems] of a configuration that leads here; None removes a line."""
        keys = {"portal": "semsplus", "login_file": str(self.login), "hosts": "localhost",
                "ca_file": self.ca, "poll": "1s", "timeout": "2s", "clock_wait": "0s",
                "plus_login": self.url("/web/sems/sems-user/api/v1/auth/cross-login"),
                "legacy_login": self.url("/api/v2/Common/CrossLogin")}
        keys.update(changes)
        return {k: v for k, v in keys.items() if v is not None}

    def configuration(self, name="jkpylon.conf", **changes):
        """Path of a file with it and with what else must be there."""
        path = self.dir / name
        lines = [f"{k} = {v}" for k, v in self.keys(**changes).items()]
        path.write_text("[bms]\ndevice = /dev/ttyNONE\n[can]\ninterface = can0\n[sems]\n"
                        + "\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def remove(self):
        """The portal is gone: nobody listens."""
        self.tell("quit")
        self.process.wait(10)
