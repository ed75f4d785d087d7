# SPDX-License-Identifier: Apache-2.0
# file: src/proto/aa55.c
# breaks: device untouched on failure
s/struct goodwe_device d = \{0\};/struct goodwe_device d = {0}; *ret_device = d;/
