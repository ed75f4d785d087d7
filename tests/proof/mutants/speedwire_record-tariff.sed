# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: the meter's own value
s/ \|\| r->tariff != 0U//
