# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: offset in the segment
s/x >= c->x\[i\]\) \{/x > c->x[i]) {/
