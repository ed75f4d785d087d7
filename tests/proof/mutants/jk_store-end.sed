# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: no other field changes
s/to\[len\] = '\\0';/to[len + 1] = '\\0';/
