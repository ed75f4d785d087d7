# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: step: last point at or below
s/return c->y\[i - 1\];/return c->y[i];/
