# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: no rise unless it may
s/ && !c->verdict\.no_rise//
