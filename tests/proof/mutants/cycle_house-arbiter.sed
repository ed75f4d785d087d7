# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: never above the arbiter
s/damping\.cap_ma < arbiter\.cap_ma \? damping : arbiter/damping/
