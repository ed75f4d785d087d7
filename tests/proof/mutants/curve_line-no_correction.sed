# SPDX-License-Identifier: Apache-2.0
# file: tests/proof/curve_line.smt2
# breaks: L0 the quotient, less 1 for a negative remainder, is the one rounded down
s/\(- quot 1\)/quot/
