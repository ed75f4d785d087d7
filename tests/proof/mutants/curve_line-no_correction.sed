# SPDX-License-Identifier: Apache-2.0
# file: tests/proof/curve_line.smt2
# breaks: sat
s/\(- quot 1\)/quot/
