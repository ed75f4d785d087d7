# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: goodwe_be16.pointer_dereference
s/p\[AT_COUNT\] != \(size_t\)registers \* REGISTER_SIZE/false/
