# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: find_payload.overflow
s/if \(len - at < TAG_SIZE\)/if (len - at < AT_TAG)/
