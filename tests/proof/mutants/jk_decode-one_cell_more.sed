# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: room for every cell
s/i < cells; i\+\+/i <= cells; i++/
