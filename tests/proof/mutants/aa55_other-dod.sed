# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: depth of discharge in range
s/s\.dod_pct = percent\(s\.dod_pct\);//
