# SPDX-License-Identifier: Apache-2.0
"""The daemon as systemd runs it: the shipped unit and everything around it."""

from bench import check

UNIT = "jkpylond"
NO_MANAGE = f"/etc/systemd/system/{UNIT}.service.d/can-manage.conf"


def show(lab, name, unit=UNIT):
    return lab.out(f"systemctl show -P {name} {unit}")


def worker(lab):
    return int(lab.out(f"pgrep -P {show(lab, 'MainPID')}"))


def journal(lab, unit=UNIT, lines=20):
    return lab.out(f"journalctl -u {unit} -n {lines} --no-pager")


def configure(lab, manage, **changes):
    """Everything that a user does before the first start."""
    lab.config(can_manage=manage, **changes)
    lab.run("systemd-tmpfiles --create jkpylon.conf; "
            "cp /run/lab/jkpylon.conf /etc/jkpylon/jkpylon.conf; udevadm settle")
    if manage == "no":
        lab.run(f"mkdir -p $(dirname {NO_MANAGE}); ln -sfn /dev/null {NO_MANAGE}")
    else:
        lab.run(f"rm -f {NO_MANAGE}")
    lab.run("systemctl daemon-reload")


def start(lab):
    """Seconds to READY and to the first frame."""
    begin = lab.now()
    answer = lab.run(f"systemctl start {UNIT}", timeout=30, check=False)
    check(answer["rc"] == 0, answer["out"] + (journal(lab) if answer["rc"] else ""))
    check(show(lab, "ActiveState") == "active", "systemctl start returns when it is READY")
    lab.wait_limits(lambda c, d: d > 0, 20, "limits above 0 A", begin)
    return answer["end"] - begin, lab.frames(since=begin)[0].t - begin
