# SPDX-License-Identifier: Apache-2.0
# file: include/base/units.h
# breaks: measured not below
s/v > INT16_MAX \? INT16_MAX : \(int16_t\)v/(int16_t)v/
