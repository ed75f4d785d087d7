# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: never above a proposal
s/^\t\tlower\(&p, extra\[i\]\);//
