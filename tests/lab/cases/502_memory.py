# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_48: memory pressure until the kernel kills something"
MACHINE = "bench"
SECONDS = 180

from bench import check, limits


def run(lab):
    # As the service's OOMScoreAdjust.
    lab.start_daemon(prefix="choom -n -900 --")
    begin = lab.now()
    first, _ = lab.stats()
    # Looks for the end of a line in what has none. Something that stays just below the limit would
    # stop all but the daemon: agent and node have no locked memory.
    answer = lab.run("choom -n 0 -- tail -n 1 /dev/zero", timeout=90, check=False)
    check(answer["rc"] in (-9, 137), f"tail was not killed: {answer}")
    lab.sleep(3)
    end = lab.now()
    second, _ = lab.stats()
    killed = lab.out("dmesg | grep -c 'Out of memory: Killed' || true")
    sets = [f.t for f in lab.frames(0x359, begin) if f.t <= end]
    lab.note(f"{killed} processes killed by the kernel, {len(sets)} sets in {end - begin:.1f} s")
    check(int(killed) >= 1, "the kernel killed nothing")
    check(lab.daemon()["rc"] is None, "the daemon was killed")
    for kind in ("minor_faults", "major_faults"):
        check(second[kind] - first[kind] == 0, f"{second[kind] - first[kind]} {kind}")
    check(len(sets) >= (end - begin) * 0.8 - 2, "sets are missing")
    lab.wait(lambda: limits(lab.frames(0x351)[-1])[1] > 0, 10, "limits above 0 A")
