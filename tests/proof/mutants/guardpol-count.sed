# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: no fourth closing in an hour
s/if \(too_many\(g, in\)\)/if (0)/
