# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: first probe not valid
s/\{JK_REG_BOX_TEMP, JK_REG_BATTERY_TEMP\}/{JK_REG_BATTERY_TEMP, JK_REG_BOX_TEMP}/
