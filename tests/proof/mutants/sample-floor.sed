# SPDX-License-Identifier: Apache-2.0
# file: src/core/sample.c
# breaks: floor not above the value
s/\? jk_temp_floor_dc\(raw\[i\]\)/? jk_temp_dc(raw[i]) + 1/
