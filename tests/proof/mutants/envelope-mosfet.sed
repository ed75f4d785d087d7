# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/!in->mosfet\[dir\]/!in->mosfet[DIR_CHARGE]/
