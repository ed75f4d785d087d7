# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: next_record.overflow
s/if \(len - \*at < RECORD_SIZE\)/if (len - *at < 3U)/
