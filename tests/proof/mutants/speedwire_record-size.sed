# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: a record takes 8 bytes at least, all there
s/size == 0U \|\| size > len - \*at - RECORD_SIZE/size == 0U || size > len - *at/
