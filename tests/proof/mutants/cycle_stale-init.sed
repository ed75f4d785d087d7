# SPDX-License-Identifier: Apache-2.0
# file: src/core/safety.c
# breaks: ladder from the start
/^void safety_init/,/^}/ s/sf->needed = needed;//
