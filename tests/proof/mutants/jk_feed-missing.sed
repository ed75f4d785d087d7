# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: fill within the buffer
s/\(uint16_t\)\(jk_frame_size\(f->buf\) - f->len\)/(uint16_t)JK_FRAME_MAX/
