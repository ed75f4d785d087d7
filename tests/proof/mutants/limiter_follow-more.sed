# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: rises by what it is worth
s/\*ma \+= \(int32_t\)\(gain \/ NS_PER_S\)/*ma += 1 + (int32_t)(gain \/ NS_PER_S)/
