#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""jkpylon-sim sems: a portal like that of GoodWe, over https on this machine, told what to say.

In Python, unlike the rest of jkpylon-sim: a TLS server in C would make OpenSSL's headers a package that
everybody needs who builds jkpylon, for a simulator; here ssl of the standard library does it. Needs
python3 and openssl, which makes an authority and certificates for this one run.

It checks what it is asked independently of the product: password, signature, session, form of the
requests; what is wrong is refused and counted.
"""

import argparse
import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ACCOUNT = "probe@example.com"
PASSWORD = "sems_test_password"
STATION = "00000000-0000-4000-8000-000000000001"
HELP = """\
power W            of the battery, + charging; none: there is no battery
soc PERCENT        of the battery
grid W             at the grid connection, + import
stamp run|hold|none  whether the time of the values moves on
stations N         plants of the account, 0 to 9
expire             end the session
code CODE          answer to every question but the login
login CODE         answer to the login
http STATUS        HTTP status of every answer
cert good|authority|name  certificate: of the authority, of another one, for another name
fault none|hang|slow|empty|garbage|truncate|huge|deep|many|close|headers|foreign|own|loop|plain|api
                   hang: no answer; slow: a byte a second; empty: no values; foreign, own: redirect;
                   loop: every session has ended; plain: no TLS; api: login leads to a foreign host;
                   headers: more than 64 KiB of them
values JSON        data of the answer, as it is
status             all of this, and counters, in JSON
heal               no fault, good codes, status 200
quit               end
"""


def openssl(*args, cwd):
    done = subprocess.run(["openssl", *args], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit("sim: openssl " + " ".join(args) + ": " + done.stderr)


def make_authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN=jkpylon {name}", "-keyout", f"{name}.key", "-out",
            f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE", cwd=folder)


def make_certificate(folder, name, authority, subject):
    (folder / f"{name}.ext").write_text(f"subjectAltName={subject}\n", encoding="ascii")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            "/CN=jkpylon sim", "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=folder)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
            f"{authority}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out",
            f"{name}.pem", cwd=folder)


def contexts(folder):
    """TLS contexts by the word of the command."""
    make_authority(folder, "ca")
    make_authority(folder, "other")
    make_certificate(folder, "good", "ca", "DNS:localhost")
    make_certificate(folder, "authority", "other", "DNS:localhost")
    make_certificate(folder, "name", "ca", "DNS:somewhere.invalid")
    found = {}
    for word in ("good", "authority", "name"):
        found[word] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found[word].load_cert_chain(folder / f"{word}.pem", folder / f"{word}.key")
    return found


class Portal:
    """What it says, what it was asked."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.power, self.soc, self.grid = 0.0, 50, 0.0
        self.stamp, self.begin = "run", time.time()
        self.held = self.begin
        self.stations = 1
        self.code = self.login = None
        self.http, self.cert, self.fault = 200, "good", "none"
        self.values = None
        self.session = None
        self.serial = 0
        self.count = dict.fromkeys(
            ("connections", "requests", "logins", "lists", "reads", "bad", "foreign", "expired"), 0)
        self.bad = []
        self.quit = threading.Event()

    def add(self, name, why=None):
        with self.lock:
            self.count[name] += 1
            if why:
                self.bad.append(why)

    def now(self):
        """Time of the values: it moves a second each second, or stands."""
        if self.stamp == "hold":
            return self.held
        self.held = time.time()
        return self.held

    # -- commands --------------------------------------------------------------------------------

    def command(self, line):
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        with self.lock:
            try:
                return self.carry_out(word, rest)
            except (ValueError, KeyError):
                return f"error: {line.strip()}: wrong argument"

    def carry_out(self, word, rest):
        words = {
            "stamp": ("run", "hold", "none"),
            "cert": ("good", "authority", "name"),
            "fault": ("none", "hang", "slow", "empty", "garbage", "truncate", "huge", "deep", "many",
                      "close", "headers", "foreign", "own", "loop", "plain", "api"),
        }
        if word in words:
            if rest not in words[word]:
                raise ValueError
            setattr(self, word, rest)
        elif word == "power":
            self.power = None if rest == "none" else float(rest)
        elif word == "grid":
            self.grid = float(rest)
        elif word in ("soc", "stations", "http"):
            setattr(self, word, int(rest))
        elif word == "expire":
            self.session = None
        elif word in ("code", "login"):
            setattr(self, word, rest or None)
        elif word == "values":
            self.values = json.loads(rest) if rest else None
        elif word == "heal":
            self.fault, self.code, self.login, self.http, self.cert = "none", None, None, 200, "good"
            self.values = None
        elif word == "status":
            return json.dumps({"port": self.options.port, "power": self.power, "soc": self.soc,
                               "grid": self.grid, "stamp": self.stamp, "fault": self.fault,
                               "why": self.bad[-5:], **self.count})
        elif word == "quit":
            self.quit.set()
        else:
            return "error: no such command; help: --help"
        return "ok"

    # -- what the two interfaces say -------------------------------------------------------------

    def token_of(self):
        self.serial += 1
        return {"uid": f"uid-{self.serial:04d}-secret", "timestamp": int(time.time() * 1000),
                "token": f"token-{self.serial:04d}-secret"}

    def legacy_login(self, body):
        if self.login:
            return {"hasError": False, "code": self.login, "msg": "as told", "data": None}
        if body != {"account": self.options.account, "pwd": self.options.password}:
            self.add("bad", "legacy login")
            return {"hasError": False, "code": "100005", "msg": "email or password error", "data": None}
        self.session = {**self.token_of(), "client": "ios", "version": "v2.1.0", "language": "en"}
        return {"hasError": False, "code": 0, "msg": "Success", "data": self.session,
                "components": {"api": "http://localhost:82/api/Auth/GetTokenV2"},
                "api": self.api("/api/")}

    def plus_login(self, body):
        if self.login:
            return {"code": self.login, "description": "as told"}
        pwd = base64.b64encode(hashlib.md5(self.options.password.encode()).hexdigest().encode())
        if body != {"account": self.options.account, "pwd": pwd.decode(), "agreement": 1,
                    "isLocal": False, "isChinese": False}:
            self.add("bad", "login")
            return {"code": "100005", "description": "email or password error"}
        self.session = {**self.token_of(), "client": "semsPlusWeb", "version": "", "language": "en",
                        "api": self.api("/web/sems"), "region": "eu", "uuid": "\u6210"}
        return {"code": "00000", "description": "\u6210\u529f", "data": self.session}

    def api(self, path):
        host = "127.0.0.1" if self.fault == "api" else "localhost"
        return f"https://{host}:{self.options.port}{path}"

    def flow(self):
        data = {"id": STATION, "status": "1", "flows": {}, "pConsum": 0.8,
                "pGrid": round(-self.grid / 1000, 5)}
        if self.grid:
            data["flows"]["pGrid" if self.grid > 0 else "pSystem"] = (
                ["pConsum"] if self.grid > 0 else ["pGrid"])
        if self.power is not None:
            data["pBat"] = round(-self.power / 1000, 5)
            data["soc"] = self.soc
            if self.power < 0:
                data["flows"]["pBat"] = ["pConsum"]
            elif self.power > 0:
                data["flows"].setdefault("pSystem", []).append("pBat")
        if self.stamp != "none":
            now = self.now()
            data["refreshTime"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
        return data

    def monitor(self):
        battery = "65535V/6553.5A/429483622W"
        soc = "400%"
        if self.power is not None:
            battery = f"52.0V/{-self.power / 52:.1f}A/{-self.power:.0f}W"
            soc = f"{self.soc}%"
        full = {} if self.stamp == "none" else {"last_time": int(self.now() * 1000)}
        return {"info": {"status": 1}, "inverter": [
            {"sn": "SIM", "status": 1, "battery": battery, "soc": soc, "invert_full": full}]}


def refuse(portal, why):
    portal.add("bad", why)
    return {"code": "100004", "description": "parameter error"}


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self):
        portal = self.server.portal
        portal.add("connections")
        if portal.fault != "plain":
            self.request.settimeout(10)
            self.request = self.server.tls[portal.cert].wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *unused):
        pass

    def body(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            return json.loads(text) if text else None
        except ValueError:
            self.server.portal.add("bad", "body is no JSON")
            return None

    def do_GET(self):
        self.handle_one()

    def do_POST(self):
        self.handle_one()

    def handle_one(self):
        portal = self.server.portal
        body = self.body()
        portal.add("requests")
        if not (self.headers.get("Host") or "").startswith("localhost"):
            portal.add("foreign", "asked as " + str(self.headers.get("Host")))
        with portal.lock:
            fault = portal.fault
            moved = fault in ("foreign", "own") and "moved=1" not in self.path
            answer = None if moved else self.answer(body)
        if moved:
            self.redirect(fault)
        else:
            self.say(fault, answer)

    def redirect(self, fault):
        host = "127.0.0.1" if fault == "foreign" else "localhost"
        mark = "&moved=1" if "?" in self.path else "?moved=1"
        self.head(307, 0, f"https://{host}:{self.server.portal.options.port}{self.path}{mark}")

    def answer(self, body):
        portal = self.server.portal
        path, _, query = self.path.partition("?")
        query = query.replace("&moved=1", "").replace("moved=1", "")
        if path == "/web/sems/sems-user/api/v1/auth/cross-login":
            return self.plus(portal.plus_login, body, login=True)
        if path == "/api/v2/Common/CrossLogin":
            return self.legacy(portal.legacy_login, body, login=True)
        if path == "/web/sems/sems-plant/api/portal/stations/page":
            return self.plus(self.station_list, body)
        if path == "/web/sems/sems-plant/api/stations/flow":
            return self.plus(lambda unused: self.flow(query), body)
        if path == "/api/v2/PowerStation/GetMonitorDetailByPowerstationId":
            return self.legacy(self.monitor, body)
        portal.add("bad", "path " + path)
        return None

    def plus(self, say, body, login=False):
        portal = self.server.portal
        session = portal.session if not login else None
        token = self.json_header("token")
        want = session if not login else {"uid": "", "timestamp": 0, "token": "",
                                          "client": "semsPlusWeb", "version": "", "language": "en"}
        for name, value in (("client", "semsPlusWeb"), ("neutral", "0"), ("currentlang", "en")):
            if self.headers.get(name) != value:
                return refuse(portal, "header " + name)
        if not self.signed(token if isinstance(token, dict) else {}):
            return refuse(portal, "signature")
        return self.in_session(say, body, login, token, want)

    def legacy(self, say, body, login=False):
        token = self.json_header("Token")
        want = self.server.portal.session if not login else {
            "version": "v2.1.0", "client": "ios", "language": "en"}
        return self.in_session(say, body, login, token, want)

    def in_session(self, say, body, login, token, want):
        portal = self.server.portal
        if login:
            portal.add("logins")
            return say(body) if token == want else refuse(portal, "token of the login")
        if token != want or portal.fault == "loop":
            portal.add("expired")
            return {"code": "100002", "msg": "The authorization has expired, please log in again."}
        if portal.code:
            return {"code": portal.code, "msg": "as told", "data": None}
        return say(body)

    def json_header(self, name):
        text = self.headers.get(name) or ""
        if not text.isascii() or "\n" in text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return None

    def signed(self, token):
        try:
            said, ms = base64.b64decode(self.headers.get("X-Signature") or "").decode().split("@")
        except ValueError:
            return False
        text = f"{ms}@{token.get('uid', '')}@{token.get('token', '')}"
        late = abs(time.time() * 1000 - int(ms)) > 60000
        return said == hashlib.sha256(text.encode()).hexdigest() and not late

    def station_list(self, body):
        portal = self.server.portal
        portal.add("lists")
        if body != {"current": 1, "size": 100} or self.command != "POST":
            return refuse(portal, "question for the stations")
        ids = [STATION[:-1] + str(n + 1) for n in range(portal.stations)]
        return {"code": "00000", "data": {"total": len(ids), "dataList": [{"id": i} for i in ids]}}

    def flow(self, query):
        portal = self.server.portal
        portal.add("reads")
        if query != "stationId=" + STATION or self.command != "GET":
            return refuse(portal, "question for the flow")
        return {"code": "00000", "description": "success",
                "data": portal.values if portal.values is not None else portal.flow()}

    def monitor(self, body):
        portal = self.server.portal
        portal.add("reads")
        if body != {"powerStationId": STATION} or self.command != "POST":
            return refuse(portal, "question for the monitor")
        return {"hasError": False, "code": "0", "msg": "ok",
                "data": portal.values if portal.values is not None else portal.monitor()}

    # -- how it is said --------------------------------------------------------------------------

    def say(self, fault, answer):
        portal = self.server.portal
        status = portal.http
        if answer is None:
            status, answer = 404, {"error_msg": "404 Route Not Found"}
        if fault == "hang":
            portal.quit.wait(60)
            return
        if fault == "close":
            self.close_connection = True
            return
        login = "ogin" in self.path
        if fault == "empty" and not login:
            answer = {"code": "0", "hasError": False, "data": {}}
        text = json.dumps(answer, ensure_ascii=False).encode()
        if not login:
            text = {"garbage": b"<html><body>maintenance</body></html>", "truncate": text[:-3],
                    "huge": b'{"code":"0","data":"' + b"x" * 10_000_000 + b'"}',
                    "deep": b'{"code":"0","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
                    "many": b'{"code":"0","data":[' + b"1," * 100_000 + b"1]}"}.get(fault, text)
        self.head(status, len(text), None, 70000 if fault == "headers" else 0)
        with contextlib.suppress(OSError):
            if fault == "slow":
                self.drip(text)
            else:
                self.wfile.write(text)

    def drip(self, text):
        for byte in text:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.portal.quit.wait(1):
                return

    def head(self, status, length, location, filler=0):
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(length))
            if location:
                self.send_header("Location", location)
            for n in range(filler // 1000):
                self.send_header(f"X-Filler-{n}", "x" * 1000)
            self.end_headers()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET

    def handle_error(self, *unused):
        pass  # a client that does not like the certificate


def control(portal, path):
    """Commands on standard input and on a socket."""
    listener = None
    if path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(8)
    clients = {}
    stdin = sys.stdin if sys.stdin and not sys.stdin.closed else None
    while not portal.quit.is_set():
        waiting = [s for s in (listener, stdin, *clients) if s]
        ready, _, _ = select.select(waiting, [], [], 0.1)
        for s in ready:
            if s is listener:
                client, _ = listener.accept()
                clients[client] = b""
            elif s is stdin:
                line = stdin.readline()
                if not line:
                    stdin = None
                elif line.strip():
                    print(portal.command(line), flush=True)
            else:
                data = s.recv(65536)
                if not data:
                    clients.pop(s)
                    s.close()
                    continue
                *lines, clients[s] = (clients[s] + data).split(b"\n")
                for line in lines:
                    s.sendall(portal.command(line.decode(errors="replace")).encode() + b"\n")
    if path:
        os.unlink(path)


def main():
    parser = argparse.ArgumentParser(
        prog="jkpylon-sim sems", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A portal like GoodWe's, over https on the loopback.",
        epilog="Commands on standard input or the control socket, one a line:\n" + HELP)
    parser.add_argument("--port", type=int, default=0, help="TCP port; default: a free one")
    parser.add_argument("--ca", help="receives the certificate of the authority: sems.ca_file")
    parser.add_argument("--control", help="unix:PATH, socket for commands")
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--password-file", help="default: the password is " + PASSWORD)
    options = parser.parse_args()
    options.password = PASSWORD
    if options.password_file:
        options.password = pathlib.Path(options.password_file).read_text(
            encoding="utf-8").splitlines()[0]
    if options.control and not options.control.startswith("unix:"):
        parser.error("--control: expected unix:PATH")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jkpylon-sems."))
    try:
        portal = Portal(options)
        server = Server(("127.0.0.1", options.port), Handler)
        server.portal, server.tls = portal, contexts(folder)
        options.port = server.server_port
        if options.ca:
            shutil.copyfile(folder / "ca.pem", options.ca)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *unused: portal.quit.set())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"sim: portal at https://localhost:{options.port}", file=sys.stderr, flush=True)
        control(portal, options.control[len("unix:"):] if options.control else None)
        server.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
