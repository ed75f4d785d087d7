# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: closes only a contact that shows open
s/ \|\| g->differs_ns != TIME_NEVER//
