# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: the frames carry the limits
s/\.dcl_ma = c->limit_ma\[DIR_DISCHARGE\]/.dcl_ma = c->limit_ma[DIR_CHARGE]/
