# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: worse cell or temperature, not more current
s/CURVE_CHARGE_CELL_HIGH, in->cell_max_mv/CURVE_CHARGE_CELL_HIGH, in->cell_min_mv/
