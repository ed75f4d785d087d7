# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: never above the configured maximum
s/if \(v < b->ma\)/if (v > b->ma \&\& b->ma != INT32_MAX)/
