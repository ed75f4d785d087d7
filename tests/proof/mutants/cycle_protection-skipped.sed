# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_sample.c
# breaks: the last one known
/keep\(&known->capacity_mah/d
