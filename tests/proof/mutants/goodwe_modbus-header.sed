# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: judge_header.pointer_dereference
s/n <= AT_FUNCTION/n < AT_SLAVE/
