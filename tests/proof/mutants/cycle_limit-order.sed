# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: never above an order
s/charge \? COMMAND_LIMIT_CHARGE : /charge ? COMMAND_LIMIT_DISCHARGE : /
