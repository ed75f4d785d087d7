# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_26: 0x305 missing: told, nothing else happens"
MACHINE = "bench"
SECONDS = 40

from bench import check, limits


def run(lab):
    lab.start_daemon()
    lab.wait_log("inverter answers", 5)
    begin = lab.now()
    lab.node("alive off")
    told = lab.wait_log("inverter silent", 10, begin)
    lab.note(f"told after {told - begin:.1f} s")
    check(5 <= told - begin <= 7.5, "6 s")
    lab.sleep(2)
    check(limits(lab.frames(0x351)[-1])[1] > 0, "limits stay")
    back = lab.now()
    lab.node("alive on")
    lab.wait_log("inverter answers", 5, back)
