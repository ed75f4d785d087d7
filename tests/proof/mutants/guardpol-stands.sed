# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: fresh only within the time of the beat
s/in->now_ns - g->moved_ns < c->beat_ms \* NS_PER_MS/1/
