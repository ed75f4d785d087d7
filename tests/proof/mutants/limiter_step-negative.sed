# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never negative
s/const int32_t cap = max_i32\(by\.cap_ma, 0\);/const int32_t cap = by.cap_ma;/
