# SPDX-License-Identifier: Apache-2.0
"""The shipped unit with its drop-ins for the internet and for passwords, everything confined: what
the daemon does with a network and with the hardware's watchdog works there as it does by hand."""
TITLE = "FLT_58: service: MQTT over TLS, portal over HTTPS, passwords as credentials, watchdog"
MACHINE = "boot"
SECONDS = 300

import pathlib

from bench import check
from mqtt_bench import make_certificates
from service import configure, journal, show, start, wait_told

SHARE = "/usr/share/jkpylon"
DROP_INS = "/etc/systemd/system/jkpylond.service.d"
BROKER_PORT, PORTAL_PORT = 8883, 9443
USER, PASSWORD = "battery", "tls-secret-5512"
ACCOUNT, SEMS_PASSWORD = "house@example.com", "portal-secret-7731"
BROKER = f"""listener {BROKER_PORT} 127.0.0.1
cafile /run/lab/tls/ca.crt
certfile /run/lab/tls/server.crt
keyfile /run/lab/tls/server.key
allow_anonymous false
password_file /run/lab/tls/users
user root
"""
SETTINGS = {"mqtt_host": "localhost", "mqtt_port": BROKER_PORT, "mqtt_tls": "yes",
            "mqtt_ca_file": "/etc/jkpylon/broker.crt", "mqtt_user": USER,
            "mqtt_password_file": "credential:mqtt",
            "sems_portal": "semsplus", "sems_login_file": "credential:sems",
            "sems_hosts": "localhost", "sems_ca_file": "/etc/jkpylon/portal.crt",
            "sems_poll": "2s", "sems_timeout": "10s", "sems_clock_wait": "0s",
            "sems_plus_login": f"https://localhost:{PORTAL_PORT}"
                               "/web/sems/sems-user/api/v1/auth/cross-login",
            "failsafe_watchdog": "/dev/watchdog0", "failsafe_watchdog_time": "15s"}


def broker(lab):
    folder = pathlib.Path(lab.dir) / "share/tls"
    folder.mkdir(exist_ok=True)
    make_certificates(folder)
    lab.run("cp -r /host/tls /run/lab/; cp /host/tls/ca.crt /etc/jkpylon/broker.crt; "
            f"cd /run/lab/tls && touch users && mosquitto_passwd -b users {USER} {PASSWORD} && "
            f"cat >broker.conf <<'E'\n{BROKER}E")
    lab.machine.ask("spawn", name="broker", cmd=["mosquitto", "-c", "/run/lab/tls/broker.conf"])
    lab.machine.ask("spawn", name="ears", cmd=(
        f"until mosquitto_sub -h localhost -p {BROKER_PORT} --cafile /run/lab/tls/ca.crt -u {USER} "
        f"-P {PASSWORD} -t 'jkpylon/#' -v; do sleep 0.2; done"))


def portal(lab):
    lab.machine.ask("spawn", name="portal", cmd=(
        f"umask 077; echo {SEMS_PASSWORD} >/run/lab/portal-password; exec jkpylon-sim sems "
        f"--port {PORTAL_PORT} --ca /run/lab/portal.crt --account {ACCOUNT} "
        "--password-file /run/lab/portal-password --control unix:/run/lab/portal"))
    lab.run("for i in $(seq 200); do [ -S /run/lab/portal ] && break; sleep 0.2; done; "
            "install -m 644 /run/lab/portal.crt /etc/jkpylon/portal.crt", timeout=60)


def heard(lab):
    return [t for t, line in lab.machine.lines("ears")["lines"]
            if line.startswith("jkpylon/")]


def drop_in(lab, kind):
    """The shipped files as their comments say, with the lines of this kind in effect."""
    lab.run(f"install -D -m 644 -t {DROP_INS} {SHARE}/internet.conf {SHARE}/credentials.conf && "
            f"sed -i 's/^#\\({kind}=\\)/\\1/' {DROP_INS}/credentials.conf && "
            f"[ $(grep -c '^{kind}=' {DROP_INS}/credentials.conf) = 2 ] && systemctl daemon-reload")


def connected(lab, begin):
    wait_told(lab, "MQTT: connected to the broker", 40, begin)
    lab.wait(lambda: [t for t in heard(lab) if t >= begin], 20, "what it publishes is heard")
    wait_told(lab, "SEMS: the portal gives new values", 60, begin)


def secret(lab):
    """The user of the service has no way to the files, others none to the copies."""
    for path in ("/etc/jkpylon/mqtt", "/etc/jkpylon/sems"):
        said = lab.run(f"setpriv --reuid=jkpylon --regid=jkpylon --init-groups cat {path}",
                       check=False)
        check(said["rc"] != 0 and "denied" in said["out"], said["out"])
    said = lab.run("setpriv --reuid=nobody --regid=nogroup --clear-groups "
                   "cat /run/credentials/jkpylond.service/mqtt", check=False)
    check(said["rc"] != 0 and "denied" in said["out"], said["out"])
    log = journal(lab, lines=400)
    check(PASSWORD not in log and SEMS_PASSWORD not in log and ACCOUNT not in log, "in the log")


def watchdog(lab, begin):
    wait_told(lab, "hardware watchdog i6300ESB timer: timeout 15 s", 10, begin)
    check("/dev/watchdog0" in lab.out(f"ls -l /proc/{show(lab, 'MainPID')}/fd"), "the guard has it")


def run(lab):
    # As the package does when it is installed.
    lab.run("modprobe i6300esb; udevadm trigger --action=add --subsystem-match=watchdog; "
            "udevadm settle; mkdir -p /etc/jkpylon; "
            "grep -q localhost /etc/hosts || echo '127.0.0.1 localhost' >>/etc/hosts")
    lab.start_node()
    broker(lab)
    portal(lab)
    lab.run(f"umask 077; echo {PASSWORD} >/etc/jkpylon/mqtt; "
            f"printf '%s\\n' {ACCOUNT} {SEMS_PASSWORD} >/etc/jkpylon/sems")
    try:
        configure(lab, "yes", **SETTINGS)
        drop_in(lab, "LoadCredential")
        begin = lab.now()
        start(lab)
        connected(lab, begin)
        secret(lab)
        watchdog(lab, begin)
        lab.note(lab.out("systemd-analyze security --no-pager jkpylond.service | tail -n 1"))
        lab.run("systemctl stop jkpylond", timeout=20)

        # The same from encrypted files; the plain ones are gone.
        lab.run("cd /etc/jkpylon; for name in mqtt sems; do systemd-creds encrypt --name=$name "
                "$name $name.cred && rm $name; done", timeout=60)
        drop_in(lab, "LoadCredentialEncrypted")
        begin = lab.now()
        start(lab)
        connected(lab, begin)
        lab.run("systemctl stop jkpylond", timeout=20)
        check(show(lab, "Result") == "success", journal(lab))
    finally:
        lab.run(f"rm -f {DROP_INS}/internet.conf {DROP_INS}/credentials.conf; "
                "systemctl daemon-reload; cd /etc/jkpylon && rm -f mqtt sems *.cred *.crt",
                check=False)
