# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: AA55 reads
s/functions\[\(uint32_t\)query < AA55_QUERIES \? query : AA55_DEVICE\]/(uint8_t)query/
