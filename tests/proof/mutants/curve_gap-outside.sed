# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: no change outside the table
s/return c->y\[0\];/return c->y[0] + (x \& 1);/
