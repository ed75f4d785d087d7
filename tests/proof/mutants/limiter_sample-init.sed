# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: starts from 0
/^void limiter_init/,/^}/ s/memset\(l, 0, sizeof\(\*l\)\);//
