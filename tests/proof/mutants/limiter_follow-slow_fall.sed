# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: falls at once
s/\*ma = target_ma;/*ma = target_ma < *ma - 1000 ? *ma - 1000 : target_ma;/
