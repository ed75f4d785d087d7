# SPDX-License-Identifier: Apache-2.0
# file: include/core/envelope.h
# breaks: maximum within 0.9 of the over-current protection
s/(ENVELOPE_OCP_PM\s+)900/\1950/
