# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: goodwe_text.pointer_dereference
s/len <= NEEDS_SERIAL/len == 0/
