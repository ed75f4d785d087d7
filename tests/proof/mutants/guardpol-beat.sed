# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: closed only with worker, permit and beat
s/if \(!out->fresh\)/if (0)/
