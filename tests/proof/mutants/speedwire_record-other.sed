# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: no other field changes
s/m->actual\[line\]\[quantity\] = get/m->actual[line][quantity - 1U] = get/
