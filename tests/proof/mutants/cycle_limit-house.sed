# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: never above arbiter and damping
s/house_proposal\(c, dir\),/{INT32_MAX, RULE_DAMPING},/
