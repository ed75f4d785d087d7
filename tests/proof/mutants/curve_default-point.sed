# SPDX-License-Identifier: Apache-2.0
# file: src/core/config.c
# breaks: falls
s/\{1000, 500, 250, 30, 0\}/{1000, 500, 250, 30, 40}/
