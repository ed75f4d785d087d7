# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: limit never above the wanted value
s/max_i32\(ma, 0\) \/ CURRENT_MA_STEP/round_div(max_i32(ma, 0), CURRENT_MA_STEP)/
