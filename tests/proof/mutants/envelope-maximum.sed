# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: never above the configured maximum
s/lower\(b, RULE_MAXIMUM, c->max_ma\[dir\]\);//
