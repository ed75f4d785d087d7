# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: both directions are there
s/& POWER\) == POWER \? SPEEDWIRE_OK/\& POWER) != 0U ? SPEEDWIRE_OK/
