# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: percentage in range
s/\(uint16_t\)clamp_i32\(pct, 0, PERCENT_MAX\)/(uint16_t)min_i32(pct, PERCENT_MAX)/
