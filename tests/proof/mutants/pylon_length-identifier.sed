# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: identifier of the kind
s/m\.id = frames\[kind\]\.id;/m.id = frames[0].id;/
