# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: text printable
s/ && d\[i\] <= '~' / /
