# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle.c
# breaks: 0 when stale
s/c->have_sample \? c->trusted_ns : c->start_ns/c->start_ns/
