# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: what latches opens
/^static uint32_t objection/,/^}/ s/ \|\| out->latch != REASON_NONE//
