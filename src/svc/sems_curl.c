/* SPDX-License-Identifier: Apache-2.0 */
/* One request by libcurl, ended at any time. */
#define CURL_DISABLE_TYPECHECK
#include "sems_curl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sems_library.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LOOK_MS	       200
#define FIRST_BODY     4096U
#define BODY_FACTOR    2U
#define HEADERS_MAX    (64U * 1024U)
#define ADDRESS_TEXT   (INET6_ADDRSTRLEN + 2)
#define RESOLVE_MAX    (SEMS_HOST_MAX + 2U * ADDRESS_TEXT + 16U)
#define HTTP_OK	       200
#define HTTP_NO_LOGIN  401
#define HTTP_NOT_FOUND 404
#define HTTP_REDIRECT  300
#define HTTP_CLIENT    400
#define HTTP_BUSY      429
#define CA_FOLDER      "/etc/ssl/certs" /* by hash: one is read, not all 140 */

/* What is in use during one request. */
struct transfer {
	const struct sems_request *request;
	struct sems_reply *reply;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	struct curl_slist *resolve;
	size_t room;
	bool too_much;
	bool no_memory;
};

static bool grow(struct transfer *t, size_t wanted)
{
	size_t room = t->room != 0 ? t->room : FIRST_BODY;

	while (room < wanted) {
		room *= BODY_FACTOR;
	}
	if (room == t->room) {
		return true;
	}
	/* Not realloc(): what it leaves behind may hold a token. */
	char *body = malloc(room);

	if (body == NULL) {
		return false;
	}
	if (t->reply->body != NULL) {
		memcpy(body, t->reply->body, t->reply->len);
		explicit_bzero(t->reply->body, t->reply->len);
		free(t->reply->body);
	}
	t->reply->body = body;
	t->room = room;
	return true;
}

/* libcurl: a piece of the body. Return: less than it was ends the transfer. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	const size_t n = size * count;

	if (n > SEMS_ANSWER_MAX - t->reply->len) {
		t->too_much = true;
		return 0;
	}
	if (!grow(t, t->reply->len + n + 1U)) {
		t->no_memory = true;
		return 0;
	}
	memcpy(t->reply->body + t->reply->len, data, n);
	t->reply->len += n;
	t->reply->body[t->reply->len] = '\0';
	return n;
}

/* libcurl keeps the headers in memory, as many as come. */
static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	struct transfer *t = context;

	(void)data;
	t->reply->header_len += size * count;
	t->too_much = t->too_much || t->reply->header_len > HEADERS_MAX;
	return t->too_much ? 0 : size * count;
}

static bool append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = sems_library.curl_slist_append(*list, line);

	*list = longer != NULL ? longer : *list;
	return longer != NULL;
}

static bool put_address(const struct sockaddr_storage *a, char text[ADDRESS_TEXT])
{
	const bool six = a->ss_family == AF_INET6;
	const void *bytes = six ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
				: (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	char plain[INET6_ADDRSTRLEN];

	if (inet_ntop(a->ss_family, bytes, plain, sizeof(plain)) == NULL) {
		return false;
	}
	(void)snprintf(text, ADDRESS_TEXT, six ? "[%s]" : "%s", plain);
	return true;
}

/* "host:port:address,address": what lookup.h found; libcurl asks no name service then. */
static bool set_place(struct transfer *t)
{
	const struct sems_request *q = t->request;
	char line[RESOLVE_MAX];
	char first[ADDRESS_TEXT];
	char second[ADDRESS_TEXT] = "";

	if (!put_address(&q->address[0], first) ||
	    (q->address[1].ss_family != AF_UNSPEC && !put_address(&q->address[1], second))) {
		return false;
	}
	(void)snprintf(line, sizeof(line), "%s:%u:%s%s%s", q->at.host, q->at.port, first,
		       second[0] != '\0' ? "," : "", second);
	return append(&t->resolve, line);
}

static bool set_headers(struct transfer *t)
{
	for (const char *const *h = t->request->headers; *h != NULL; h++) {
		if (!append(&t->headers, *h)) {
			return false;
		}
	}
	return true;
}

#define SET(option, value) (sems_library.curl_easy_setopt(t->easy, option, value) == CURLE_OK)

static bool set_security(struct transfer *t)
{
	const char *ca_file = t->request->ca_file;

	return SET(CURLOPT_PROTOCOLS_STR, "https") && SET(CURLOPT_PROXY, "") &&
	       SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
	       SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(CURLOPT_CAINFO, ca_file) &&
	       SET(CURLOPT_CAPATH, ca_file != NULL ? NULL : CA_FOLDER);
}

static bool set_options(struct transfer *t)
{
	const struct sems_request *q = t->request;
	const long timeout_ms = q->timeout_ms;

	if (!set_security(t) || !set_headers(t) || !set_place(t)) {
		return false;
	}
	if (q->body != NULL && (!SET(CURLOPT_POSTFIELDSIZE, (long)strlen(q->body)) ||
				!SET(CURLOPT_POSTFIELDS, q->body))) {
		return false;
	}
	return SET(CURLOPT_URL, q->url) && SET(CURLOPT_NOSIGNAL, 1L) &&
	       SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(CURLOPT_HTTPHEADER, t->headers) && SET(CURLOPT_RESOLVE, t->resolve) &&
	       SET(CURLOPT_TIMEOUT_MS, timeout_ms) && SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) &&
	       SET(CURLOPT_MAXFILESIZE, (long)SEMS_ANSWER_MAX) &&
	       SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, t) &&
	       SET(CURLOPT_HEADERFUNCTION, on_header) && SET(CURLOPT_HEADERDATA, t);
}

/* Return: CURLE_OK and such; CURLE_ABORTED_BY_CALLBACK: it has to end. */
static CURLcode run(struct transfer *t)
{
	const struct sems_request *q = t->request;
	int running = 1;

	while (running > 0) {
		struct curl_waitfd stop = {.fd = q->stop_fd, .events = CURL_WAIT_POLLIN};
		int left = 0;

		if (q->moved(q->context)) {
			return CURLE_ABORTED_BY_CALLBACK;
		}
		if (sems_library.curl_multi_perform(t->multi, &running) != CURLM_OK) {
			return CURLE_FAILED_INIT;
		}
		if (running == 0) {
			const CURLMsg *m = sems_library.curl_multi_info_read(t->multi, &left);

			return m != NULL && m->msg == CURLMSG_DONE ? m->data.result
								   : CURLE_FAILED_INIT;
		}
		if (sems_library.curl_multi_poll(t->multi, &stop, q->stop_fd >= 0 ? 1U : 0U,
						 LOOK_MS, NULL) != CURLM_OK) {
			return CURLE_FAILED_INIT;
		}
	}
	return CURLE_FAILED_INIT;
}

static enum sems_verdict by_errno(int error)
{
	return error == EPERM || error == EACCES || error == EAFNOSUPPORT ? SEMS_NOT_ALLOWED
									  : SEMS_UNREACHABLE;
}

static enum sems_verdict by_status(struct transfer *t)
{
	struct sems_reply *r = t->reply;
	const char *to = NULL;

	if (r->status >= HTTP_REDIRECT && r->status < HTTP_CLIENT) {
		(void)sems_library.curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
		if (to != NULL && strlen(to) < sizeof(r->redirect)) {
			memcpy(r->redirect, to, strlen(to) + 1U);
		}
		return SEMS_FOREIGN;
	}
	switch (r->status) {
	case HTTP_OK:
		return SEMS_OK;
	case HTTP_NO_LOGIN:
		return SEMS_EXPIRED;
	case HTTP_NOT_FOUND:
		return SEMS_NO_ROUTE;
	case HTTP_BUSY:
		return SEMS_BUSY;
	default:
		return SEMS_STATUS;
	}
}

static enum sems_verdict verdict_of(struct transfer *t, CURLcode code)
{
	struct sems_reply *r = t->reply;
	long status = 0;
	long error = 0;

	(void)sems_library.curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)sems_library.curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	r->status = (int32_t)status;
	r->error = (int)error;
	switch ((int)code) {
	case CURLE_OK:
		return by_status(t);
	case CURLE_ABORTED_BY_CALLBACK:
		return SEMS_CANCELED;
	case CURLE_OPERATION_TIMEDOUT:
		return SEMS_SLOW;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return SEMS_CERTIFICATE;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ENGINE_INITFAILED:
		return SEMS_TLS;
	case CURLE_FILESIZE_EXCEEDED:
		return SEMS_TOO_MUCH;
	case CURLE_WRITE_ERROR:
		return t->too_much ? SEMS_TOO_MUCH : by_errno(ENOMEM);
	case CURLE_PARTIAL_FILE:
		return SEMS_NOT_JSON;
	case CURLE_OUT_OF_MEMORY:
		r->error = ENOMEM;
		return SEMS_UNREACHABLE;
	default:
		return by_errno(r->error);
	}
}

enum sems_verdict sems_curl_ask(const struct sems_request *request, struct sems_reply *ret_reply)
{
	struct transfer transfer = {.request = request, .reply = ret_reply};
	struct transfer *t = &transfer;
	enum sems_verdict v = SEMS_UNREACHABLE;

	ret_reply->error = ENOMEM;
	t->easy = sems_library.curl_easy_init();
	t->multi = sems_library.curl_multi_init();
	if (t->easy != NULL && t->multi != NULL && set_options(t) &&
	    sems_library.curl_multi_add_handle(t->multi, t->easy) == CURLM_OK) {
		v = verdict_of(t, run(t));
		(void)sems_library.curl_multi_remove_handle(t->multi, t->easy);
	}
	if (t->easy != NULL) {
		sems_library.curl_easy_cleanup(t->easy);
	}
	if (t->multi != NULL) {
		(void)sems_library.curl_multi_cleanup(t->multi);
	}
	sems_library.curl_slist_free_all(t->headers);
	sems_library.curl_slist_free_all(t->resolve);
	return v;
}

void sems_reply_free(struct sems_reply *reply)
{
	if (reply->body != NULL) {
		explicit_bzero(reply->body, reply->len);
		free(reply->body);
	}
	*reply = (struct sems_reply){0};
}
