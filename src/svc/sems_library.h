/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libcurl that are used, bound when it is loaded. */
#ifndef JKP_SVC_SEMS_LIBRARY_H
#define JKP_SVC_SEMS_LIBRARY_H

#include <curl/curl.h>

/* Types are those of the header, so that a wrong call does not compile. */
#define SEMS_LIBRARY_FUNCTIONS(X)   \
	X(curl_global_init)         \
	X(curl_easy_init)           \
	X(curl_easy_setopt)         \
	X(curl_easy_getinfo)        \
	X(curl_easy_cleanup)        \
	X(curl_slist_append)        \
	X(curl_slist_free_all)      \
	X(curl_multi_init)          \
	X(curl_multi_add_handle)    \
	X(curl_multi_remove_handle) \
	X(curl_multi_perform)       \
	X(curl_multi_poll)          \
	X(curl_multi_info_read)     \
	X(curl_multi_cleanup)

struct sems_library {
/* The second is the name of a member. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define X(name) __typeof__(&(name)) name;
	SEMS_LIBRARY_FUNCTIONS(X)
#undef X
};

/* Filled by sems_curl_load(). */
extern struct sems_library sems_library;

#endif
