# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: fallback to 0
s/cfg->energy_fallback == FALLBACK_ZERO/cfg->energy_fallback == FALLBACK_RELEASE/
