# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: length in range
s/p->len\[kind\] > CAN_MSG_DATA_MAX \? \(uint8_t\)CAN_MSG_DATA_MAX : p->len\[kind\]/p->len[kind]/
