# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: no cell outside
s/if \(mv < s->cell_min_mv\)/if (mv < s->cell_min_mv \&\& i > 0)/
