# SPDX-License-Identifier: Apache-2.0
# file: include/core/source.h
# breaks: from before a suspend
s/ && t_ns >= from_ns / /
