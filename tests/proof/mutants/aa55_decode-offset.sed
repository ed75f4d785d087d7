# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: goodwe_be16.pointer_dereference
s/row->at \+ size_of\(row\) <= len/row->at <= len/
