# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: a second payload is refused
s/ \|\| payload->data != NULL//
