# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: what does not fit is not
s/in->now_ns - g->moved_ns;/INT64_MAX;/
