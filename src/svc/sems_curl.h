/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when the portal is first asked and not before: it brings some thirty libraries, and all
 * memory of this process is locked (13 MB of them). What it brought is unlocked again: only threads of
 * ordinary scheduling use it, and the realtime thread never touches a page of it.
 *
 * A name is looked up by lookup.h and not by libcurl, whose threads have stacks of 8 MB and cannot be
 * left behind.
 */
#ifndef JKP_SVC_SEMS_CURL_H
#define JKP_SVC_SEMS_CURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "svc/sems_answer.h"
#include "sems_url.h"

#define SEMS_LIBRARY	  "libcurl.so.4"
#define SEMS_LIBRARY_TEXT 160U
#define SEMS_ADDRESSES	  2U

/**
 * sems_curl_load - load the library, once
 * @ret_text: receives why not, SEMS_LIBRARY_TEXT bytes, with the NUL
 *
 * It stays loaded. Return: 0; -ENOENT: it is not there; -ELIBBAD: it lacks a function.
 * Context: one thread of the process alone. Allocates; takes up to a second from a cold disk.
 */
int sems_curl_load(char ret_text[SEMS_LIBRARY_TEXT]);

/**
 * struct sems_request - one request; all is the caller's
 * @url: https
 * @at: its parts
 * @address: where the host is, AF_UNSPEC at the end; the library tries the second beside the first
 * @headers: lines, NULL at the end
 * @body: NULL: a GET, else a POST
 * @ca_file: certificates of authorities, NULL = those of the system
 * @stop_fd: readable when it has to end, -1 = never
 * @moved: called at least every 200 ms; true: end it
 */
struct sems_request {
	const char *url;
	struct sems_url at;
	struct sockaddr_storage address[SEMS_ADDRESSES];
	const char *const *headers;
	const char *body;
	const char *ca_file;
	int32_t timeout_ms;
	int stop_fd;
	bool (*moved)(void *context);
	void *context;
};

/**
 * struct sems_reply - what came back
 * @status: of HTTP, 0 = none
 * @error: errno of the connection, 0 = none
 * @body: NUL-terminated, sems_curl_free() it; NULL = none
 * @redirect: where it sends to, empty = nowhere
 * @text: what the library says, for people; no address, no secret
 */
struct sems_reply {
	int32_t status;
	int error;
	char *body;
	size_t len;
	size_t header_len;
	char redirect[SEMS_URL_MAX];
	char text[SEMS_LIBRARY_TEXT];
};

/**
 * sems_curl_ask - send a request and wait for the answer
 * @ret_reply: zeroed; sems_reply_free() it whatever is returned
 *
 * TLS 1.2 or later, certificate and host name verified, no proxy, no redirect followed, at most
 * SEMS_ANSWER_MAX bytes.
 *
 * Return: SEMS_OK for HTTP 200; SEMS_FOREIGN: @ret_reply says where to; another verdict.
 * Context: the thread that loaded it. Bound: @timeout_ms; 200 ms after @moved says so.
 */
enum sems_verdict sems_curl_ask(const struct sems_request *request, struct sems_reply *ret_reply);

/* Give back what a reply holds; it may hold a token, so it is overwritten. */
void sems_reply_free(struct sems_reply *reply);

#endif
