# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: capacity saturates
s/sat_u16\(s->capacity_ah\)/(uint16_t)s->capacity_ah/
