# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: contract of on_grid()
s/ma - ma % LIMITER_GRID_MA/ma + ma % LIMITER_GRID_MA/
