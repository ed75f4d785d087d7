# SPDX-License-Identifier: Apache-2.0
"""The daemon as systemd runs it: the shipped unit and everything around it."""

from bench import check

UNIT = "jkpylond"
NO_MANAGE = f"/etc/systemd/system/{UNIT}.service.d/can-manage.conf"
CONFIG = "/etc/jkpylon/jkpylon.conf"


def show(lab, name, unit=UNIT):
    return lab.out(f"systemctl show -P {name} {unit}")


def journal(lab, unit=UNIT, lines=20):
    return lab.out(f"journalctl -u {unit} -n {lines} --no-pager")


def told(lab, text, since=0.0):
    """Times of the journal's lines about the service that have this text."""
    lines = lab.out(f"journalctl -u {UNIT} --no-pager -o short-monotonic").splitlines()
    times = [float(line.split("]")[0].strip("[ ")) for line in lines if text in line]
    return [t for t in times if t >= since]


def wait_told(lab, text, seconds, since):
    return lab.wait(lambda: told(lab, text, since), seconds,
                    f"\"{text}\" in the journal")[0]


def write(lab, **changes):
    """The configuration that the service reads."""
    # Its state is where it is by default.
    lab.config(**{"failsafe_state": None, **changes})
    lab.run(f"cp /run/lab/jkpylon.conf {CONFIG}")


def configure(lab, manage, **changes):
    """Everything that a user does before the first start."""
    lab.run("systemd-tmpfiles --create jkpylon.conf; udevadm settle")
    write(lab, can_manage=manage, **changes)
    if manage == "no":
        lab.run(f"mkdir -p $(dirname {NO_MANAGE}); ln -sfn /dev/null {NO_MANAGE}")
    else:
        lab.run(f"rm -f {NO_MANAGE}")
    lab.run("systemctl daemon-reload")


def start(lab, limit=True):
    """Seconds to READY and to the first frame."""
    begin = lab.now()
    answer = lab.run(f"systemctl start {UNIT}", timeout=30, check=False)
    check(answer["rc"] == 0, answer["out"] + (journal(lab) if answer["rc"] else ""))
    check(show(lab, "ActiveState") == "active", "systemctl start returns when it is READY")
    if limit:
        lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", begin)
    return answer["end"] - begin, (lab.frames(since=begin)[0].t - begin if limit else None)
