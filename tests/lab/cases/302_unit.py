# SPDX-License-Identifier: Apache-2.0
"""What systemd does with a plain unit that holds a GPIO line which keeps its level when its holder
dies; 303 has the daemon in its place."""
TITLE = "systemd and a line: READY, watchdog, killed, reload, ExecStopPost opens what was held"
MACHINE = "bench"
SECONDS = 240

import time

from bench import check
from gpio import Gpio
from service import journal, show

LINE = 5
WATCHDOG_S = 2
RESTART_S = 1
BUSY_S = 3  # two programs have to start on a host that may be busy
UNIT = """[Service]
Type=notify
User=jkpylon
ExecStart=/run/lab/toyd.py {hold}
ExecReload=/bin/kill -HUP $MAINPID
ExecStopPost={once}
WatchdogSec={WATCHDOG_S}
Restart=always
RestartSec={RESTART_S}
"""


def get(lab, name):
    return show(lab, name, "toyd")


def opened_and_back(lab, gpio, what, action, seconds):
    """The line falls within so many seconds; the restart raises it again."""
    restarts = int(get(lab, "NRestarts"))
    begin = time.monotonic()
    action()
    low = gpio.wait(LINE, 0, begin)
    high = gpio.wait(LINE, 1, low)
    lab.note(f"{what}: line 0 after {low - begin:.2f} s, 1 again after {high - begin:.2f} s")
    check(low - begin <= seconds, f"{what}: line 0 after {low - begin:.2f} s")
    check(high - low >= RESTART_S * 0.8, f"{what}: line 1 after {high - low:.2f} s already")
    lab.wait(lambda: get(lab, "ActiveState") == "active", 10, f"{what}: READY again")
    check(int(get(lab, "NRestarts")) == restarts + 1, f"{what}: one restart")


def run(lab):
    gpio = Gpio(lab, keep=1 << LINE)
    text = UNIT.format(hold=gpio.hold(LINE, 1), once=gpio.once(LINE, 0), WATCHDOG_S=WATCHDOG_S,
                       RESTART_S=RESTART_S).replace("=gpioset", "=/usr/bin/gpioset")
    lab.run("install -m 755 /host/plain/toyd.py /run/lab/toyd.py; mkdir -p /run/systemd/system; "
            f"cat >/run/systemd/system/toyd.service <<'E'\n{text}E\nsystemctl daemon-reload")
    try:
        begin = time.monotonic()
        lab.run("systemctl start toyd", timeout=30)
        check(get(lab, "ActiveState") == "active", "systemctl start returns when it is READY")
        gpio.wait(LINE, 1, begin)

        before = get(lab, "MainPID")
        begin = time.monotonic()
        lab.run("systemctl reload toyd")
        lab.wait(lambda: "settings read again" in journal(lab, "toyd"), 10, "the service reloads")
        lab.sleep(WATCHDOG_S + 1)
        check(get(lab, "MainPID") == before, "reload keeps the process")
        check(not gpio.lines.edges(LINE, begin), "reload and feeding leave the line alone")

        opened_and_back(lab, gpio, "hangs",
                        lambda: lab.run("systemctl kill -s USR1 --kill-who=main toyd"),
                        WATCHDOG_S + BUSY_S)
        check("Watchdog timeout" in journal(lab, "toyd"), "it was not the watchdog")
        opened_and_back(lab, gpio, "killed",
                        lambda: lab.run("systemctl kill -s KILL --kill-who=main toyd"), BUSY_S)
        begin = time.monotonic()
        lab.run("systemctl stop toyd", timeout=20)
        gpio.wait(LINE, 0, begin)
        lab.sleep(1)
        check(gpio.lines.level(LINE) == 0, "stopped: the line stays at 0")
    finally:
        lab.run("systemctl stop toyd; rm -f /run/systemd/system/toyd.service; "
                "systemctl daemon-reload", check=False)
