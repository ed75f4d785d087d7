# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never above what two samples agree on
s/lower\(&p, \(struct proposal\)\{l->confirmed_ma, RULE_CONFIRM\}\);//
