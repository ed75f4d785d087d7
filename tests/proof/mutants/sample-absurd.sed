# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: over-current protection believed
s/value <= max\)/value <= 2 * max)/
