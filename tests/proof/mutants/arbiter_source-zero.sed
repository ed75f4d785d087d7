# SPDX-License-Identifier: Apache-2.0
# file: src/core/arbiter.c
# breaks: fallback to 0 of a silent source
s/s->fallback == FALLBACK_ZERO/s->fallback == FALLBACK_RELEASE/
