# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: never closes while latched
/^static uint32_t objection/,/^}/ s/in->latched != REASON_NONE \&\&/0 \&\&/
