# SPDX-License-Identifier: Apache-2.0
# file: src/core/safety.c
# breaks: data lost
s/in->age_ms > c->stale_ms \|\| in->implausible/in->implausible/
