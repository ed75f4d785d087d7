# SPDX-License-Identifier: Apache-2.0
# file: src/proto/pylon.c
# breaks: discharge voltage never below
s/down \+ 1 : down/down : down/
