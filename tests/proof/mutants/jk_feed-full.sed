# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: fill within the buffer
s/while \(frame == 0 && used < len\)/while (used < len)/
