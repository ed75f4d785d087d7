# SPDX-License-Identifier: Apache-2.0
# file: src/core/safety.c
# breaks: 0 when invalid
s/\{in->implausible, STEP_STOP, REASON_IMPLAUSIBLE\},//
