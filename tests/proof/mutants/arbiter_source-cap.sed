# SPDX-License-Identifier: Apache-2.0
# file: src/core/arbiter.c
# breaks: fallback to a cap of a silent source
s/lower\(a, dir, s->cap_ma, RULE_SOURCE_SILENT\)/(void)s/
