# SPDX-License-Identifier: Apache-2.0
# file: src/core/curve.c
# breaks: a rising table rises
s/return y >= before;/return true;/
