# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: upper bound
s/name\[len\] = '\\0';/name[len + 1] = '\\0';/
