# SPDX-License-Identifier: Apache-2.0
# file: src/proto/jk_framer.c
# breaks: jk_frame_sum.pointer_dereference
s/for \(size_t i = 0; i < n; i\+\+\)/for (size_t i = 0; i <= n; i++)/
