# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: ratchet only falls
s/min_i32\(l->ratchet_ma, cells_ma\)/cells_ma/
