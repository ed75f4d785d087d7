# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a beat that stands still is no beat
s/const bool moved = in->beat_valid \&\& \(!g->seen \|\| in->beat != g->beat\);/const bool moved = in->beat_valid;/
