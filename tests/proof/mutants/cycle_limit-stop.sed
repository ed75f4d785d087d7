# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 during a stop
s/\{in->stop \? 0 : INT32_MAX, RULE_SHUTDOWN\}/{INT32_MAX, RULE_SHUTDOWN}/
