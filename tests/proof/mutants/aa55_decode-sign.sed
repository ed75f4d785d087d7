# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: discharging by the mode alone
s/r\.battery\.mode != GOODWE_MODE_CHARGE/true/
