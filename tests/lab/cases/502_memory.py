# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_48: memory pressure until the kernel kills something"
MACHINE = "bench"
SECONDS = 75

from bench import check, limits


def run(lab):
    # As the service's OOMScoreAdjust.
    lab.start_daemon(prefix="choom -n -900 --")
    begin = lab.now()
    first, _ = lab.stats()
    lab.machine.ask("spawn", name="stress", cmd=(
        "exec stress-ng -q --vm 2 --vm-bytes 90% --vm-method zero-one"))
    lab.sleep(6)
    # Takes memory without end: nothing but the kernel ends it.
    greedy = lab.run("tail /dev/zero", timeout=60, check=False)["rc"]
    lab.sleep(4)
    end = lab.now()
    second, _ = lab.stats()
    killed = lab.out("dmesg | grep -c 'Out of memory: Killed' || true")
    sets = [f.t for f in lab.frames(0x359, begin) if f.t <= end]
    lab.note(f"{killed} processes killed by the kernel, {len(sets)} sets in {end - begin:.1f} s")
    check(greedy in (-9, 137) and int(killed) > 0, f"the kernel had to kill nothing ({greedy}, {killed})")
    check(lab.daemon()["rc"] is None, "the daemon was killed")
    for kind in ("minor_faults", "major_faults"):
        check(second[kind] - first[kind] == 0, f"{second[kind] - first[kind]} {kind}")
    check(len(sets) >= (end - begin) * 0.8 - 2, "sets are missing")
    lab.wait(lambda: limits(lab.frames(0x351)[-1])[1] > 0, 10, "limits above 0 A")
