# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: unused bytes are 0
s/memset\(&m\.data\[m\.len\], 0, CAN_MSG_DATA_MAX - m\.len\);//
