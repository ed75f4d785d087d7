# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: a row of the table or none
s/tag < TAG_FIRST \|\| tag > TAG_LAST/tag < TAG_FIRST/
