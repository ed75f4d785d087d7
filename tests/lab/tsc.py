# SPDX-License-Identifier: Apache-2.0
"""Frequency of the host's time stamp counter, which is what a guest without icount reads as its own.

Left to itself the guest compares it with a timer while it starts. On a busy host it has been wrong by
a factor of 70, and then all its seconds are."""

import ctypes
import mmap
import time

# rdtsc; shl rdx, 32; or rax, rdx; ret
CODE = bytes.fromhex("0f31" "48c1e220" "4809d0" "c3")
APART_S = 0.2


def khz():
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))

    def sample():
        """Counter and ns of one moment: of many pairs the one that took least."""
        pairs = []
        for _ in range(100):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            ticks = counter()
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            pairs.append((after - before, ticks, (before + after) // 2))
        return min(pairs)[1:]

    ticks, ns = sample()
    time.sleep(APART_S)
    more_ticks, more_ns = sample()
    return round((more_ticks - ticks) * 1e6 / (more_ns - ns))
