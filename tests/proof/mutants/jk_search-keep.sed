# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: a whole frame stands first
s/if \(at > 0\)/if (at > 1)/
