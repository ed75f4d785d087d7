# SPDX-License-Identifier: Apache-2.0
"""The armhf package on the Raspberry Pi 2, by Debian's dpkg of that architecture. There is no service
manager in this guest; the cases that follow use what was installed here."""
TITLE = "Raspberry Pi 2: armhf package installed by dpkg, runs, removed, purged, installed again"
MACHINE = "pi2"
SECONDS = 240

import signal

from arm import VCAN
from bench import IDS, check

DEB = "/lab/jkpylon.deb"
FILES = f"dpkg-deb --fsys-tarfile {DEB} | tar -t | grep -v '/$' | sed 's,^\\.,,'"


def dpkg(lab, words):
    answer = lab.run(f"dpkg {words} </dev/null", timeout=120)
    lab.note(f"dpkg {words}: {answer['end'] - answer['begin']:.1f} s")
    return answer["out"]


def present(lab):
    return lab.out(f"for f in $({FILES}); do [ ! -e $f ] || echo $f; done", timeout=60).split()


def run(lab):
    check(lab.out(f"dpkg-deb -f {DEB} Architecture") == "armhf", "package of another processor")
    # The guest starts with the files of the package; here it begins without.
    lab.run(f"rm -f $({FILES})", timeout=60)
    said = dpkg(lab, f"-i {DEB}")
    check("jkpylond is not started. Edit /etc/jkpylon/jkpylon.conf" in said, said)
    check(lab.out("dpkg-query -W -f '${db:Status-Status}' jkpylon") == "installed", "status")
    check(lab.out("dpkg -V jkpylon", timeout=60) == "", "a file is not as in the package")
    check({"dialout", "gpio"} <= set(lab.out("id -nG jkpylon").split()), "user and groups")
    check(lab.out("jkpylond --version").startswith("jkpylond "), "version")

    begin = lab.start_daemon(bus=VCAN)
    check({f.id for f in lab.frames(since=begin)} == set(IDS), "six kinds of frames")
    lab.signal(signal.SIGTERM)
    check(lab.wait_end() == 0, "orderly end")

    dpkg(lab, "-r jkpylon")
    check(present(lab) == ["/etc/jkpylon/jkpylon.conf"], f"removed: {present(lab)}")
    dpkg(lab, "-P jkpylon")
    check(not present(lab) and lab.run("[ -e /etc/jkpylon ]", check=False)["rc"], "purged")
    dpkg(lab, f"-i {DEB}")
