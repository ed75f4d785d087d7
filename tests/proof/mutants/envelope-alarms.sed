# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: 0 where it is forbidden
s/\? ENVELOPE_ALARMS_CHARGE/? ENVELOPE_ALARMS_DISCHARGE/
