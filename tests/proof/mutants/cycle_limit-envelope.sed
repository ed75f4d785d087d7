# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: envelope of the direction
s/c->envelope_ma\[dir\], c->envelope_by\[dir\]/c->envelope_ma[DIR_CHARGE], c->envelope_by[dir]/
