# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: checked up to the CRC
s/n < AT_SLAVE \+ size \+ CRC_SIZE/n < AT_SLAVE + size/
