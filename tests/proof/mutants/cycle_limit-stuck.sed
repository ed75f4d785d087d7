# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 while nobody confirms
s/c->link\.stuck \? 0 : INT32_MAX/INT32_MAX/
