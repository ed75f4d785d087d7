# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: judge_header.pointer_dereference
s/n < AT_CONTROL/n < AT_ADDRESS/
