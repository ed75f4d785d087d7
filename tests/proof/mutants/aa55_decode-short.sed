# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: length of the data
s/n > \(size_t\)p\[AT_LENGTH\] \+ AA55_FRAME/n > UINT16_MAX/
