# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: pylon_decode.precondition_instance
s/const uint8_t len = m->len > CAN_MSG_DATA_MAX \? \(uint8_t\)CAN_MSG_DATA_MAX : m->len;/const uint8_t len = m->len;/
