# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: between the neighbours
s/\(x <= c->x\[i - 1\]/(x < c->x[i - 1]/
