# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: the registers are what is left
s/ \|\| size > len - head//
