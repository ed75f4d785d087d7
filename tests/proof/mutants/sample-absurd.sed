# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: over-current protection believed
s/value <= row->max\)/value <= 2 * row->max)/
