# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: a good frame
s/\(uint8_t\)\(sum >> 8\)/0/
