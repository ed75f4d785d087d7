# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: never closed with a line that fails
/^static uint32_t objection/,/^}/ s/in->line_failed \|\| //
