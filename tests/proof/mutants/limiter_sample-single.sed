# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: one sample never raises
s/if \(good && l->previous_good\)/if (good)/
