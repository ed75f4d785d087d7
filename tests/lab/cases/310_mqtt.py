# SPDX-License-Identifier: Apache-2.0
"""Debian's broker and its clients: what a service of the daemon will find."""
TITLE = "mosquitto: publish, subscribe, retained state, last will, broker restarted"
MACHINE = "bench"
SECONDS = 75

from bench import check

BROKER = "-h 127.0.0.1"


def heard(lab, name, text, since=0):
    """Time of the message, first after the first `since` lines of this subscriber."""
    def look():
        lines = lab.machine.lines(name)
        check(lines["rc"] is None, f"{name} has ended: {lines}")
        return next((t for t, line in lines["lines"][since:] if line == text), None)
    return lab.wait(look, 15, f"{name} hears \"{text}\"")


def publish(lab, options, must=True):
    return lab.run(f"mosquitto_pub {BROKER} -q 1 {options}", check=must)


def run(lab):
    refused = publish(lab, "-t lab/a -m 1", must=False)
    check(refused["rc"] and "refused" in refused["out"], f"without a broker: {refused}")
    try:
        begin = lab.now()
        lab.run("systemctl start mosquitto")
        lab.wait(lambda: publish(lab, "-t lab/state -m run -r", must=False)["rc"] == 0, 20,
                 "the broker takes a message")
        lab.note(f"broker answers {lab.now() - begin:.1f} s after its start")

        # What is retained arrives at once, so the subscription stands from here on.
        lab.machine.ask("spawn", name="ears", cmd=f"exec mosquitto_sub {BROKER} -v -q 1 -t lab/#")
        heard(lab, "ears", "lab/state run")
        sent = publish(lab, "-t lab/a -m 1")
        after = heard(lab, "ears", "lab/a 1") - sent["begin"]
        lab.note(f"message heard {after * 1e3:.0f} ms after mosquitto_pub was started")

        lab.machine.ask("spawn", name="mortal", cmd=(
            f"exec mosquitto_sub {BROKER} -t lab/state --will-topic lab/online --will-payload off"))
        heard(lab, "mortal", "run")
        lab.machine.ask("kill", name="mortal", number=9)
        heard(lab, "ears", "lab/online off")

        lines = len(lab.machine.lines("ears")["lines"])
        down = lab.run("systemctl restart mosquitto")["begin"]
        again = heard(lab, "ears", "lab/state run", lines)
        lab.note(f"broker restarted: subscriber is back with what was retained after "
                 f"{again - down:.1f} s")
        publish(lab, "-t lab/b -m 2")
        heard(lab, "ears", "lab/b 2")
    finally:
        lab.run("systemctl stop mosquitto; rm -f /var/lib/mosquitto/mosquitto.db")
