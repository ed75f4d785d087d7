# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 during a pause
s/\{0, RULE_COMMAND\}/{INT32_MAX, RULE_COMMAND}/
