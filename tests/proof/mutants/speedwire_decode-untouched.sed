# SPDX-License-Identifier: Apache-2.0
# file: src/proto/speedwire.c
# breaks: untouched on failure
s/^	v = judge_records/	ret_meter->ticker_ms = 0;\n	v = judge_records/
