# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: modules
s/d\[ALARMS_MODULES\] = s->modules;//
