# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: more is announced than is there
s/\(size_t\)f->len - at/(size_t)f->len - at - 1U/
