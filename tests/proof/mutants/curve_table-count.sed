# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: accepted: number of points
s/c->count > CURVE_POINTS_MAX \|\| c->unit/c->unit/
