# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: speedwire_decode.overflow
s/if \(payload\.len < extra \+ HEAD_SIZE\)/if (payload.len < HEAD_SIZE)/
