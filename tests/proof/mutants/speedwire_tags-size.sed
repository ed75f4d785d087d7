# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: the data lie in the datagram
s/if \(size > len - at\)/if (size > len)/
