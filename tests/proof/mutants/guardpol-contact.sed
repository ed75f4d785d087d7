# SPDX-License-Identifier: Apache-2.0
# file: src/core/guardpol.c
# breaks: closes only a contact that shows open
s/c->feedback_ms > 0 \&\& in->feedback != 0/0/
