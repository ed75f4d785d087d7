# SPDX-License-Identifier: Apache-2.0
# file: src/core/arbiter.c
# breaks: no guard without the meter
s/^\t\tcause_end\(&d->cross\);$//
