# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: invariant after reset
/^void jk_framer_reset/,/^}/ s/f->done = 0;//
