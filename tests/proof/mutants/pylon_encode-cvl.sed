# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: charge voltage never above
s/sat_u16\(floor_div\(s->cvl_mv/sat_u16(round_div(s->cvl_mv/
