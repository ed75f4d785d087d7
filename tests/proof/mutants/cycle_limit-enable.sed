# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: discharge enable only with a limit
s/\.discharge_enable = fresh && /.discharge_enable = /
