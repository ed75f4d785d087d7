# SPDX-License-Identifier: Apache-2.0
TITLE = "FLT_25: another node sends our identifiers"
MACHINE = "bench"
SECONDS = 30

from bench import check


def run(lab):
    begin = lab.start_daemon()
    lab.wait(lambda: len(lab.frames(0x35E)) >= 2, 5, "two sets")
    check(not [1 for _, line in lab.log(begin) if "duplicate" in line], "own frames are no alarm")
    sent = lab.now()
    lab.node("send 351 1402c2012c01d401")
    told = lab.wait_log("another node sends 0x351: duplicate battery", 3, sent)
    lab.note(f"told after {told - sent:.2f} s")
    check(told - sent <= 1.0, "bound of 1 s")
