# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a reload holds no beat that was lost
s/g->advanced \&\& !fresh/0/
