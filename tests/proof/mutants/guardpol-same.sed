# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a beat that stands still is no beat
s/in->beat_valid \&\& \(!g->seen \|\| in->beat != g->beat\)/in->beat_valid/
