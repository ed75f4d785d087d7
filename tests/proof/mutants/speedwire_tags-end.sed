# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: good only with its end
s/return at == len \? SPEEDWIRE_OK/return at <= len ? SPEEDWIRE_OK/
