# SPDX-License-Identifier: Apache-2.0
"""A broker (mosquitto) on a loopback port in a folder of its own, and a client that records what it
hears. Both end with the test."""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from daemon_bench import check, now, wait_for

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
PASSWD = shutil.which("mosquitto_passwd")
OPENSSL = shutil.which("openssl")
UNSHARE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                            check=False, timeout=60, **options)
    check(result.returncode == 0, f"{command}: {result.stdout}{result.stderr}")
    return result


class Broker:
    """users: {name: password}; tls: folder of make_certificates(): a second port with TLS;
    acl: lines of an access list; disk: it stores what is retained, every 50 changes, and has a
    port for observers, so that something else may stand in its place on the other."""

    def __init__(self, folder, users=None, tls=None, acl=None, disk=False):
        self.dir = pathlib.Path(folder)
        self.port = self.tls_port = free_port()
        self.process = None
        config = ["per_listener_settings false", f"persistence {'true' if disk else 'false'}",
                  f"log_dest file {self.dir}/log",
                  f"allow_anonymous {'false' if users else 'true'}"]
        if disk:
            (self.dir / "db").mkdir()
            config += [f"persistence_location {self.dir}/db/", "autosave_on_changes true",
                       "autosave_interval 50"]
        config.append("user root")  # without effect for others; in a user namespace one is root
        if users:
            path = self.dir / "users"
            path.touch(mode=0o600)
            for name, password in users.items():
                run(PASSWD, "-b", path, name, password)
            config.append(f"password_file {path}")
        if acl:
            (self.dir / "acl").write_text("\n".join(acl) + "\n", encoding="ascii")
            os.chmod(self.dir / "acl", 0o600)
            config.append(f"acl_file {self.dir}/acl")
        config.append(f"listener {self.port} 127.0.0.1")
        if tls:
            self.tls_port = free_port()
            config += [f"listener {self.tls_port} 127.0.0.1", f"certfile {tls}/server.crt",
                       f"keyfile {tls}/server.key"]
        if disk:
            self.watch_port = free_port()
            config.append(f"listener {self.watch_port} 127.0.0.1")
        self.config = self.dir / "mosquitto.conf"
        self.config.write_text("\n".join(config) + "\n", encoding="ascii")

    def start(self, full=False):
        """full: it sees its disk full, in a mount namespace of its own."""
        command = [MOSQUITTO, "-c", str(self.config)]
        if full:
            command = UNSHARE + ["sh", "-c", 'mount -t tmpfs -o size=8k none "$0" && '
                                 '{ head -c 65536 /dev/zero >"$0/full"; exec "$@"; }',
                                 str(self.dir / "db"), *command]
        self.process = subprocess.Popen(command,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

        def listens():
            check(self.process.poll() is None, "mosquitto ended: " + self.log())
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False
        wait_for(listens, 20, "the broker listens")
        return self

    def log(self):
        with contextlib.suppress(OSError):
            return (self.dir / "log").read_text(encoding="utf-8", errors="replace")
        return ""

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self, number=signal.SIGKILL):
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


def make_certificates(folder):
    """ca.crt, server.crt for "localhost", and other.crt, an authority that has signed nothing."""
    folder = pathlib.Path(folder)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        run(OPENSSL, "req", "-x509", *key, "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.crt", "-days", "3650", "-subj", f"/CN=test {name}")
    run(OPENSSL, "req", *key, "-keyout", folder / "server.key", "-out", folder / "server.csr",
        "-subj", "/CN=localhost")
    (folder / "san").write_text("subjectAltName=DNS:localhost\n", encoding="ascii")
    run(OPENSSL, "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.crt",
        "-CAkey", folder / "ca.key", "-CAcreateserial", "-out", folder / "server.crt",
        "-days", "3650", "-extfile", folder / "san")
    return folder


Message = collections.namedtuple("Message", "t topic payload retained")


def text_of(data):
    return struct.pack(">H", len(data)) + data


class Client:
    """MQTT 3.1.1, just enough: subscribes to everything and records it; connects again at once."""

    def __init__(self, port, user=None, password=None, name="observer", topics=("#",)):
        self.port, self.user, self.password = port, user, password
        self.name, self.topics = name, topics
        self.messages = []
        self.connects = 0
        self.socket = None
        self.stopping = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        wait_for(lambda: self.connects, 20, "the observer is connected")
        return self

    def __exit__(self, kind, value, trace):
        self.stopping = True
        self.thread.join()

    @staticmethod
    def packet(kind, body):
        length, size = b"", len(body)
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                return bytes([kind]) + length + body

    def greet(self, s):
        flags = 2 | (0xC0 if self.user else 0)
        body = text_of(b"MQTT") + bytes([4, flags]) + struct.pack(">H", 0) + text_of(self.name.encode())
        if self.user:
            body += text_of(self.user.encode()) + text_of(self.password.encode())
        s.sendall(self.packet(0x10, body))
        topics = b"".join(text_of(t.encode()) + b"\0" for t in self.topics)
        s.sendall(self.packet(0x82, struct.pack(">H", 1) + topics))

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError):
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    s.settimeout(0.05)
                    self.greet(s)
                    self.receive(s)
            self.socket = None
            time.sleep(0.01)

    def receive(self, s):
        data = b""
        while not self.stopping:
            try:
                more = s.recv(65536)
            except TimeoutError:
                continue
            if not more:
                return
            data = self.take(s, data + more)

    def take(self, s, data):
        while len(data) >= 2:
            size, shift, at = 0, 0, 1
            while at < len(data):
                size |= (data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not data[at - 1] & 0x80:
                    break
            else:
                return data
            if len(data) < at + size:
                return data
            self.handle(s, data[0], data[at:at + size])
            data = data[at + size:]
        return data

    def handle(self, s, kind, body):
        if kind >> 4 == 9:  # SUBACK
            self.socket = s
            self.connects += 1
        elif kind >> 4 == 3:
            size = int.from_bytes(body[:2], "big")
            at = 2 + size + (2 if kind & 6 else 0)
            self.messages.append(Message(now(), body[2:2 + size].decode(), body[at:], kind & 1))

    def publish(self, topic, payload, retain=False):
        if isinstance(payload, str):
            payload = payload.encode()
        wait_for(lambda: self.socket, 10, "connected")
        with self.lock:
            self.socket.sendall(self.packet(0x31 if retain else 0x30, text_of(topic.encode()) + payload))

    def of(self, topic, after=0):
        return [m for m in self.messages[after:] if m.topic == topic]

    def wait(self, topic, seconds=10, after=0, condition=lambda m: True, text=""):
        def look():
            return [m for m in self.of(topic, after) if condition(m)]
        return wait_for(look, seconds, f"a message on {topic} {text}")[0]

    def wait_json(self, topic, seconds=10, after=0, **members):
        def fits(m):
            with contextlib.suppress(ValueError):
                value = json.loads(m.payload)
                return all(value.get(k) == v for k, v in members.items())
            return False
        return json.loads(self.wait(topic, seconds, after, fits, f"with {members}").payload)


class Stub:
    """A TCP server that is no broker: how it behaves is a function of the connection."""

    def __init__(self, behaviour, buffer=None, port=0):
        self.behaviour = behaviour
        self.accepted = []  # times
        self.kept = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(16)
        self.listener.settimeout(0.05)
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                self.accepted.append(now())
                if not self.behaviour(connection):
                    connection.close()
                else:
                    self.kept.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stopping = True
        self.thread.join()
        self.listener.close()
        for connection in self.kept:
            connection.close()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def stall(_connection):
    return True
