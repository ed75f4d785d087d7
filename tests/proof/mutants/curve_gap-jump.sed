# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: no gap
s/return \(int32_t\)\(c->y\[i - 1\] \+/return (int32_t)(c->y[i - 1] + (x \& 2) +/
