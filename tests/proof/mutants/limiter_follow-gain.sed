# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: gain is rate times time
s/\(int64_t\)c->rise_ma_s \* dt_ns/((int64_t)c->rise_ma_s + 1) * dt_ns/
