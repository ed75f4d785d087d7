# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: line active only while closed
/^static void drive_line/,/^}/ s/g->line = false;//
