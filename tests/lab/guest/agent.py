#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agent of the virtual bench: carries out what the host asks for on a virtio-serial port, or on the
terminal that is the argument.

One JSON object a line in each direction; an answer repeats the "id" of its request. All times are
seconds of CLOCK_MONOTONIC of the guest.

    run    cmd, timeout             -> rc, out, begin, end
    spawn  name, cmd                -> pid               lines of its output are kept with their time
    lines  name, since              -> lines [[t, text]...], rc (null while it runs)
    input  name, text               -> {}
    kill   name, signal             -> {}                signal to the process itself
    read   path                     -> data (base64)
    now                             -> t
"""

import base64
import glob
import json
import os
import signal
import subprocess
import sys
import threading
import time

PORT = "lab.agent"


def port():
    while True:
        for name in glob.glob("/sys/class/virtio-ports/*/name"):
            with open(name, encoding="ascii") as f:
                if f.read().strip() == PORT:
                    return "/dev/" + name.split("/")[-2]
        time.sleep(0.05)


class Child:
    """A process in the background and what it says."""

    def __init__(self, cmd):
        self.lines = []
        self.rc = None
        self.process = subprocess.Popen(
            cmd, shell=isinstance(cmd, str), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, bufsize=0)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for raw in self.process.stdout:
            self.lines.append([time.monotonic(), raw.decode(errors="replace").rstrip("\n")])
        self.rc = self.process.wait()

    def ended(self):
        if self.rc is None:
            self.rc = self.process.poll()
        return self.rc


class Agent:
    def __init__(self):
        self.children = {}
        self.lock = threading.Lock()
        self.fd = os.open(sys.argv[1] if sys.argv[1:] else port(), os.O_RDWR | os.O_NOCTTY)
        if sys.argv[1:]:
            # What comes before this line is the kernel's.
            self.answer({"id": "ready"})

    def answer(self, reply):
        data = json.dumps(reply).encode() + b"\n"
        with self.lock:
            while data:
                data = data[os.write(self.fd, data):]

    def run(self, cmd, timeout=60):
        begin = time.monotonic()
        process = subprocess.Popen(cmd, shell=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            out = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out = process.communicate()[0] + f"\nagent: ended after {timeout} s".encode()
        return {"rc": process.returncode, "out": out.decode(errors="replace"), "begin": begin,
                "end": time.monotonic()}

    def spawn(self, name, cmd):
        old = self.children.get(name)
        if old and old.ended() is None:
            raise RuntimeError(f"{name} runs already")
        self.children[name] = Child(cmd)
        return {"pid": self.children[name].process.pid}

    def lines(self, name, since=0):
        child = self.children[name]
        rc = child.ended()
        return {"rc": rc, "lines": child.lines[since:]}

    def input(self, name, text):
        self.children[name].process.stdin.write(text.encode())
        return {}

    def kill(self, name, number=signal.SIGTERM):
        child = self.children.get(name)
        if child and child.ended() is None:
            os.kill(child.process.pid, number)
        return {}

    def killall(self):
        """All processes started here and what they started, except this agent."""
        for child in self.children.values():
            if child.ended() is None:
                os.killpg(child.process.pid, signal.SIGKILL)
        for child in self.children.values():
            child.process.wait()
        self.children.clear()
        return {}

    def read(self, path):
        with open(path, "rb") as f:
            return {"data": base64.b64encode(f.read()).decode()}

    def now(self):
        return {"t": time.monotonic()}

    def serve_one(self, request):
        reply = {"id": request.pop("id")}
        op = request.pop("op")
        try:
            reply.update(getattr(self, op)(**request))
        except Exception as error:  # the host decides what it means
            reply["error"] = f"{type(error).__name__}: {error}"
        self.answer(reply)

    def serve(self):
        pending = b""
        while True:
            data = os.read(self.fd, 65536)
            if not data:  # the host has not connected yet
                time.sleep(0.05)
                continue
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                threading.Thread(target=self.serve_one, args=(json.loads(line),),
                                 daemon=True).start()


if __name__ == "__main__":
    Agent().serve()
