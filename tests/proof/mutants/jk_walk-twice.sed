# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: a register is stored once
s/has\(s, row->reg\) \|\| row/row/
