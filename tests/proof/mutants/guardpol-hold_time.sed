# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a reload holds only for its time
s/in->now_ns - g->hold_ns > c->reload_ms \* NS_PER_MS \|\|//
