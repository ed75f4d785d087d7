# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: no feed with a line that fails
s/out->healthy = !in->line_failed \&\& /out->healthy = /
