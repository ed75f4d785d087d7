# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: fields do not overlap
s/DEVICE_ID, REG_TEXT, 8,/DEVICE_ID, REG_TEXT, 10,/
