# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a reload holds no beat that was lost
s/reason == REASON_BEAT \&\& g->advanced/0/
