# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: judge_crc.pointer_dereference
s/n < AT_SLAVE \+ size \+ CRC_SIZE/n < AT_SLAVE + size + 1/
