# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: no fourth closing in an hour
s/if \(g->counts \&\& too_many\(g, now_ns\)\)/if (0)/
