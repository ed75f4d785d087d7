# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: a gap leaves a frame or nothing
s/while \(frame == 0 && f->len > 0\)/while (frame == 0 \&\& f->len > 1)/
