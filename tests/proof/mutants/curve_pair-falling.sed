# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: a falling table falls
s/return y <= before;/return true;/
