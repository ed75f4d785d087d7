# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: no rise before calm
s/may_rise && calm \?/may_rise ?/
