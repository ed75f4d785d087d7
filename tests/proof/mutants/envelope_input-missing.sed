# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: not valid if a field is missing
s/\(s->missing & ~SAMPLE_NO_SOC\) == 0 && //
