# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_decode.c
# breaks: known version
s/if \(s\.version > VERSION_SIGN_BIT\)/if (s.version > 3)/
