# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never above the ratchet
s/lower\(&p, \(struct proposal\)\{l->ratchet_ma, RULE_RATCHET\}\);//
