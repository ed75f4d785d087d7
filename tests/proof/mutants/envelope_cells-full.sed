# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: cells not above full
s/\.cell_max_mv = 0, \.bms/.cell_max_mv = INT32_MAX, .bms/
