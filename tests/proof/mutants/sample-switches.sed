# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: alarms and switches as decoded
s/JK_STATUS_DISCHARGE_MOS\) != 0/JK_STATUS_CHARGE_MOS) != 0/
