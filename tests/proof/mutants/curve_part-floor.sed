# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: quotient, less 1 for a negative remainder
s/\(n % width\) < 0 \? q - 1 : q/(n % width) < 0 ? q : q/
