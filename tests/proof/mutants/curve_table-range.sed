# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: width of the segment
s/abs_i32\(x\) > CURVE_X_ABS_MAX \|\| //
