# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: decode_name.pointer_dereference
/^static void decode_name/,/^}/ s/i < len;/i <= len;/
