# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: value in range
s/if \(x >= c->x\[count - 1\]\) \{/if (x > c->x[count - 1] + 5) {/
