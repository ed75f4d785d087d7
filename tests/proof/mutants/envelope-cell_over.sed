# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/in->cell_max_mv >= c->level\[LEVEL_CELL_HIGH\]/in->cell_max_mv > c->level[LEVEL_CELL_HIGH]/
