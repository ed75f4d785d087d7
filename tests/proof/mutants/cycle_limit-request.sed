# SPDX-License-Identifier: Apache-2.0
# file: src/core/cycle_limit.c
# breaks: no request without a charge limit
s/\.full_charge = charge && /.full_charge = /
