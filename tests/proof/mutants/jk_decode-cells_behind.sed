# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: decode_cells.pointer_dereference
s/ \|\| size > len - head//
