# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/bms->cell_ovp_mv - ENVELOPE_CELL_GUARD_MV/bms->cell_ovp_mv/
