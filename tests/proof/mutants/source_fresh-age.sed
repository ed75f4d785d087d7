# SPDX-License-Identifier: Apache-2.0
# file: include/core/source.h
# breaks: its own age, within the limit
s/time_ms_since\(now_ns, t_ns\) <= stale_ms/stale_ms > 0/
