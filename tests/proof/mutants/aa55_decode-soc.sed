# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: state of charge in range
s/r\.battery\.soc_pct = percent\(r\.battery\.soc_pct\);//
