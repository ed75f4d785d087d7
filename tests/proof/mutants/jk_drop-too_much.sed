# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: not beyond the buffer
s/memmove\(f->buf, f->buf \+ n, rest\)/memmove(f->buf, f->buf + n, f->len)/
