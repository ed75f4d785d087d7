# SPDX-License-Identifier: Apache-2.0
# file: tests/proof/envelope_share.smt2
# breaks: S2 no more than the whole
s/\(<= part whole\)\) \(<= a of/(<= part part2)) (<= a of/
