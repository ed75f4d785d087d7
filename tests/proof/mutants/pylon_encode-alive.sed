# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: alive counter
s/s->alive >> 16/s->alive >> 17/
