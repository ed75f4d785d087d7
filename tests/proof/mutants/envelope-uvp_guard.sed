# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/in->cell_min_mv <= bms->cell_uvp_mv/in->cell_min_mv < bms->cell_uvp_mv/
