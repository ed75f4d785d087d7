# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: never above the energy coordination
s/p\.cap_ma = e->cap_ma\[dir\];//
