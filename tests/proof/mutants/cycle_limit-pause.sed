# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: 0 during a pause
s/= pause \? 0/= false ? 0/
