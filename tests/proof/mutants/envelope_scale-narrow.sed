# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: scale.overflow
s/sat_i32\(\(int64_t\)of \* part \/ whole\)/of * part \/ whole/
