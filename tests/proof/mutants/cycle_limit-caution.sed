# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: never above the falling ceiling
s/safety_caution_cap\(&c->safety, in->now_ns, dir\)/INT32_MAX/
