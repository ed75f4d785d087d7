# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: no feed without a worker
s/ \&\& in->now_ns - g->alive_ns < GUARDPOL_REPLACE_NS//
