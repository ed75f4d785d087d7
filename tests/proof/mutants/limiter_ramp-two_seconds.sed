# SPDX-License-Identifier: Apache-2.0
# file: tests/proof/limiter_ramp.smt2
# breaks: R1 the gain fits
s/<= dt 1000000000/<= dt 2000000000/
