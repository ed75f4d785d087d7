# SPDX-License-Identifier: Apache-2.0
# file: include/base/time.h
# breaks: never
s/if \(then_ns == TIME_NEVER\) \{/if (then_ns == TIME_NEVER \&\& now_ns < 0) {/
