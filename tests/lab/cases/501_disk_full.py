# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_52: root file system, /run and /dev/shm full"
MACHINE = "bench"
SECONDS = 150

from bench import check, limits


def run(lab):
    lab.start_daemon()
    begin = lab.now()
    try:
        # What root may still take counts too: fill to the last block.
        lab.run("for d in /var/tmp /run /dev/shm; do cat /dev/zero >$d/jkp-full 2>/dev/null; "
                "dd if=/dev/zero of=$d/jkp-full2 bs=512 2>/dev/null; done; true", timeout=60)
        free = lab.out("df --output=avail /var/tmp /run /dev/shm | tail -n 3")
        check(free.split() == ["0", "0", "0"], f"not full: {free}")
        full = lab.now()
        lab.sleep(5)
        sets = lab.frames(0x359, full)
        check(len(sets) >= 4, f"{len(sets)} sets in 5 s")
        check(all(limits(f)[1] > 0 for f in lab.frames(0x351, full)), "limits fell")
        check(lab.daemon()["rc"] is None, "the daemon goes on")
        first, _ = lab.stats()
        lab.sleep(1)
        second, _ = lab.stats()
        check(second["cycles"] > first["cycles"], "statistics go on")
        lab.note(f"full after {full - begin:.1f} s, {len(sets)} sets in the 5 s after")
    finally:
        lab.run("rm -f /var/tmp/jkp-full* /run/jkp-full* /dev/shm/jkp-full*")
