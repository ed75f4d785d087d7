# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: the value lies in the bytes given
s/row->size > len - at - 1/row->size > len - at/
