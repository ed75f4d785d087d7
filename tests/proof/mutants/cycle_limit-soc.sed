# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 at a bound of SoC
s/if \(c->soc_reached\[dir\]\)/if (false)/
