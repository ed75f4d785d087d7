# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never above the envelope
s/\.cap_ma = max_i32\(envelope\.cap_ma, 0\)/.cap_ma = INT32_MAX/
