# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a reload holds only what was well
s/ \&\& reason == REASON_NONE \&\&/ \&\&/
