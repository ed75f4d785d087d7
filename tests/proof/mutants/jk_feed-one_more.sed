# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: no byte is used twice
s/frame == 0 && used < len/frame == 0 \&\& used <= len/
