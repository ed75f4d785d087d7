# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: closes only after the open time
s/now_ns - g->opened_ns < c->open_ms \* NS_PER_MS/0/
