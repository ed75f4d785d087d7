# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: a reload holds only with a permit
s/in->worker == GUARDPOL_RELOADING \&\& !in->permit/0/
