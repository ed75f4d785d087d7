# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: not above the coldest
s/min_i32\(ret->cold_dc, s->probe_floor_dc/max_i32(ret->cold_dc, s->probe_floor_dc/
