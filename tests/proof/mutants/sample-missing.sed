# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: no current
s/\{JK_REG_CURRENT, SAMPLE_NO_CURRENT\}/{JK_REG_SOC, SAMPLE_NO_CURRENT}/
