# SPDX-License-Identifier: Apache-2.0
# file: src/core/arbiter.c
# breaks: nothing stays of a silent inverter
s/^\t\t\tdir_end\(&a->dir\[d\]\);$//
