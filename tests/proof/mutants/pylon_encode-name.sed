# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: name
s/'P', 'Y', 'L', 'O', 'N', ' '/'P', 'Y', 'L', 'O', 'M', ' '/
