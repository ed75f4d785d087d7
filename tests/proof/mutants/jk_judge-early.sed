# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: jk_frame_judge.pointer_dereference
s/n > JK_AT_COMMAND &&/n >= JK_AT_COMMAND \&\&/
