# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: invariant from the start
/^void jk_framer_init/,/^}/ s/memset\(f, 0, sizeof\(\*f\)\);//
