# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: maximum within the share of the capacity
s/lower\(b, RULE_C_RATE, .*$//
