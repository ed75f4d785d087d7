# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: forgotten: from 0
/^void limiter_forget/,/^}/ s/l->confirmed_ma = 0;//
