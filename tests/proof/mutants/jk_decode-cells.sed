# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: number of cells
s/ \|\| cells > JK_CELLS_MAX//
