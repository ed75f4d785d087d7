# SPDX-License-Identifier: Apache-2.0
# file: src/core/safety.c
# breaks: 0 when stale
s/\{in->age_ms > c->stale_ms, STEP_STOP, REASON_BMS_SILENT\},//
