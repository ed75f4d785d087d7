# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: inside the buffer
s/\(size_t\)f->len - at/(size_t)f->len/
