# SPDX-License-Identifier: Apache-2.0
# file: src/core/limiter.c
# breaks: invariant after cap
/^void limiter_cap/,/^}/ s/l->ramp_ma = max_i32\(ma, 0\)/l->ramp_ma = ma/
