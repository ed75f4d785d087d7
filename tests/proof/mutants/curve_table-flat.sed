# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: flat above the table
s/return c->y\[count - 1\];/return c->y[0];/
