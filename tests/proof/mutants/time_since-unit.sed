# SPDX-License-Identifier: Apache-2.0
# file: include/base/time.h
# breaks: whole milliseconds
s/\(now_ns - then_ns\) \/ NS_PER_MS/(now_ns - then_ns) \/ NS_PER_US/
