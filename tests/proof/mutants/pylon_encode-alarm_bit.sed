# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: alarm bit as the alarm
s/\{PYLON_TEMP_LOW, false, 0, 4, 4\}/{PYLON_TEMP_LOW, false, 0, 5, 4}/
