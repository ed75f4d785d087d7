# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/forbid_if\(&b, RULE_DISOBEYED, in->disobeyed\[dir\]\);//
