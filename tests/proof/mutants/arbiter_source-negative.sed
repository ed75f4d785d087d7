# SPDX-License-Identifier: Apache-2.0
# file: src/core/arbiter.c
# breaks: no cap is negative
s/a->cap_ma\[dir\] = max_i32\(cap_ma, 0\);/a->cap_ma[dir] = cap_ma;/
