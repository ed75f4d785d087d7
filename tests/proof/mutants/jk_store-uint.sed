# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: no other field changes
s/size == sizeof\(uint16_t\)/size <= sizeof(uint16_t)/
