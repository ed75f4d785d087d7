# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: outside object bounds
s/n > JK_AT_COMMAND &&/n >= JK_AT_COMMAND \&\&/
