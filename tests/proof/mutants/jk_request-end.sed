# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: a good frame
s/ret_frame\[JK_REQUEST_SIZE - JK_TAIL_END\] = JK_END;//
