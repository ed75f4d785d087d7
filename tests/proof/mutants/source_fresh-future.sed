# SPDX-License-Identifier: Apache-2.0
# file: include/core/source.h
# breaks: from the future
s/ && !ahead / /
