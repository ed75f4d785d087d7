# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: on_grid() within its range
s/const int32_t cap = max_i32\(by\.cap_ma, 0\);/const int32_t cap = by.cap_ma;/
