# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: current in range
s/return min_i32\(ma, maximum_ma\);/return ma;/
