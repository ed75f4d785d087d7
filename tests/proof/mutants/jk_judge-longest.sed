# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: contract of jk_frame_judge()
s/ \|\| jk_be16\(p \+ JK_AT_LEN\) > JK_LEN_MAX//
