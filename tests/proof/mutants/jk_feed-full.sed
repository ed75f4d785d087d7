# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: jk_framer_feed.array_bounds
s/while \(frame == 0 && used < len\)/while (used < len)/
