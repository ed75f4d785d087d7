# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 by the ladder
/^\t\tma = 0;$/d
