# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a beat out of sequence is no beat
s/const bool good = g->seen \&\& in_sequence\(g, c, in\);/const bool good = g->seen;/
