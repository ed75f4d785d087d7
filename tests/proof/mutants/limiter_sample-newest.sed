# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never above the newest envelope
s/= min_i32\(envelope_ma, l->previous_ma\)/= l->previous_ma/
