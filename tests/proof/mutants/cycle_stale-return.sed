# SPDX-License-Identifier: Apache-2.0
# file: src/core/safety.c
# breaks: 0 without a sample
s/if \(sf->good < sf->needed\)/if (false)/
