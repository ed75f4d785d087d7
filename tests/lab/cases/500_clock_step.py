# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_43: wall clock moved by seconds and by ten years"
MACHINE = "bench"
SECONDS = 90

from bench import check, limits

STEPS = ("+1 sec", "-1 sec", "+10 years", "-20 years", "+10 years")


def run(lab):
    lab.start_daemon()
    begin = lab.now()
    for step in STEPS:
        lab.run(f"date -s \"$(date '+%F %T') {step}\" >/dev/null")
        lab.sleep(2.2)
    end = lab.now()
    sets = [f.t for f in lab.frames(0x359, begin)]
    check(len(sets) >= int(end - begin) - 2, f"{len(sets)} sets in {end - begin:.1f} s")
    check(all(limits(f)[1] > 0 for f in lab.frames(0x351, begin)), "limits fell")
    steps = [line for _, line in lab.log(begin) if "ladder:" in line or "suspended" in line]
    check(not steps, f"state changes: {steps}")
    values, _ = lab.stats()
    check(values["losses"] == 0, "serial device lost")
    lab.note(f"{len(sets)} sets in {end - begin:.1f} s over {len(STEPS)} steps")
