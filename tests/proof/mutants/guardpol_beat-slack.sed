# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: what fits is in sequence
s/return beats <= GUARDPOL_BEAT_SLACK \|\|/return beats == 0U ||/
