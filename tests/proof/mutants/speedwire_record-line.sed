# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: a place in the table
s/line >= SPEEDWIRE_LINES \|\|/line > SPEEDWIRE_LINES ||/
