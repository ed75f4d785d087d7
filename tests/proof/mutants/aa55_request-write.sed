# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: Modbus reads
s/^#define FUNCTION_READ 0x03U/#define FUNCTION_READ 0x06U/
