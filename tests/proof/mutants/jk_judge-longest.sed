# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: PROOF
s/ \|\| jk_be16\(p \+ JK_AT_LEN\) > JK_LEN_MAX//
