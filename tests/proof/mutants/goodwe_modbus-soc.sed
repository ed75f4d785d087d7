# SPDX-License-Identifier: Apache-2.0
# file: src/proto/goodwe_modbus.c
# breaks: state of charge in range
s/\.soc_pct = percent\((.*)\),$/.soc_pct = \1,/
