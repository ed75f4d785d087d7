# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: no rise unless it may
s/may_rise && calm \?/calm ?/
