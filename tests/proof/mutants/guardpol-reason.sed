# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: opens with a reason
s/out->opened_by = reason;//
