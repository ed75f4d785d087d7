# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: decode_name.array_bounds
s/name\[len\] = '\\0';/name[len + 1] = '\\0';/
