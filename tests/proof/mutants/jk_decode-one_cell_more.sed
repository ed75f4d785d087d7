# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: nothing behind the cells changes
s/i < cells; i\+\+/i <= cells; i++/
