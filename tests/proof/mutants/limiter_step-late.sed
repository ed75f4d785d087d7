# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: ramp_gain() within its range
s/min_i64\(max_i64\(now_ns - l->last_ns, 0\), RAMP_STEP_MAX_NS\)/max_i64(now_ns - l->last_ns, 0)/
