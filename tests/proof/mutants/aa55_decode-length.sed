# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: aa55_runtime_decode.pointer_dereference
s/r\.len <= NEEDS_BATTERY_MODE/r.len == 0/
