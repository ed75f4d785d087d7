# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: bit 6 discharge enable
s/s->discharge_enable \? REQUEST_DISCHARGE_ENABLE/s->charge_enable ? REQUEST_DISCHARGE_ENABLE/
