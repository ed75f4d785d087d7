# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: bound
s/while \(frame == 0 && used < len\)/while (used < len)/
