# SPDX-License-Identifier: Apache-2.0
# file: src/core/envelope.c
# breaks: no probe is not ok
s/probes_ok && !first/probes_ok/
