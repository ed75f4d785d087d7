# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: no byte is used twice
s/n > 0 && used < len/n > 0 \&\& used <= len/
