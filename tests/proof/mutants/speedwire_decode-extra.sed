# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: the records are what is left of the payload
s/payload\.len - extra - HEAD_SIZE/payload.len - HEAD_SIZE/
