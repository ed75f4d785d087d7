# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: envelope not above the cells
/^int32_t envelope_eval/,/^}/ s/lower_by_cells.*//
