# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: more of the curve, not less current
s/ma = share\(maximum_ma, y\);/ma = share(maximum_ma, PERMILLE) - share(maximum_ma, y);/
