# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: limit never negative
s/sat_i16\(max_i32\(ma, 0\) \//sat_i16(ma \//
