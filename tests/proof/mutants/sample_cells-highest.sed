# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: the highest is one of them
s/s->cell_max_mv = mv;/s->cell_max_mv = (uint16_t)(mv | 1U);/
