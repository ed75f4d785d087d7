# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: current in range
s/\(raw - CURRENT_CHARGE\)/raw/
