/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the portal: where its host is, to whom it may go, redirects. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "lookup.h"
#include "sems_client.h"
#include "sems_json.h"

#define HTTP_SEE_OTHER 303
#define HTTP_BAD       400

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void sems_client_drop_lookup(struct sems_client *c)
{
	lookup_drop(c->lookup);
	c->lookup = NULL;
}

/* One that hangs is left to itself; the next try for the same host asks it for its result. */
static enum sems_verdict
wait_lookup(struct sems_client *c, struct sockaddr_storage address[SEMS_ADDRESSES], int64_t end_ns)
{
	socklen_t len = 0;
	int r = -EAGAIN;

	while (r == -EAGAIN && now_ns() < end_ns) {
		const int32_t left_ms = sat_i32((end_ns - now_ns()) / NS_PER_MS + 1);

		if (c->wait.wait(c->wait.context, lookup_fd(c->lookup), POLLIN, left_ms) ==
		    -ECANCELED) {
			return SEMS_CANCELED;
		}
		r = lookup_result(c->lookup, &address[0], &len, &c->error);
	}
	if (r == -EAGAIN) {
		return SEMS_NAME_SLOW;
	}
	if (r == 0) {
		(void)lookup_other(c->lookup, &address[1]);
	}
	sems_client_drop_lookup(c);
	return r == 0 ? SEMS_OK : SEMS_NO_NAME;
}

static enum sems_verdict find_host(struct sems_client *c, const struct sems_url *at,
				   struct sockaddr_storage address[SEMS_ADDRESSES], int64_t end_ns)
{
	socklen_t len = 0;

	if (lookup_numeric(at->host, at->port, &address[0], &len) == 0) {
		return SEMS_OK;
	}
	if (c->lookup != NULL && strcmp(c->lookup_host, at->host) != 0) {
		sems_client_drop_lookup(c);
	}
	if (c->lookup == NULL) {
		const int r = lookup_start(at->host, at->port, &c->lookup);

		if (r != 0) {
			c->error = -r;
			return SEMS_UNREACHABLE;
		}
		(void)snprintf(c->lookup_host, sizeof(c->lookup_host), "%s", at->host);
	}
	return wait_lookup(c, address, end_ns);
}

static bool on_moved(void *context)
{
	const struct sems_client *c = context;

	return c->wait.wait(c->wait.context, -1, 0, 0) == -ECANCELED;
}

/* One request to one host. */
static enum sems_verdict ask_host(struct sems_client *c, const char *const *headers,
				  const char *body, struct sems_reply *reply)
{
	const int64_t end_ns = now_ns() + c->config->timeout_ms * NS_PER_MS;
	struct sems_request q = {
		.url = c->url,
		.headers = headers,
		.body = body,
		.ca_file = c->config->ca_file[0] != '\0' ? c->config->ca_file : NULL,
		.stop_fd = c->wait.stop_fd,
		.moved = on_moved,
		.context = c,
	};

	/* Password and token go to hosts of the list alone, and encrypted. */
	if (!sems_url_split(c->url, &q.at) || !sems_url_allowed(c->config->hosts, q.at.host)) {
		return SEMS_FOREIGN;
	}
	memcpy(c->host, q.at.host, sizeof(c->host));
	c->count.requests++;
	c->status = 0;
	c->error = 0;
	enum sems_verdict v = find_host(c, &q.at, q.address, end_ns);

	if (v != SEMS_OK) {
		return v;
	}
	q.timeout_ms = sat_i32((end_ns - now_ns()) / NS_PER_MS);
	if (q.timeout_ms <= 0) {
		return SEMS_SLOW;
	}
	v = sems_curl_ask(&q, reply);
	c->status = reply->status;
	c->error = reply->error;
	return v;
}

/* With a bad status of HTTP there may be a code all the same, and it says more. */
static enum sems_verdict look_for_code(struct sems_client *c, enum sems_verdict by_status,
				       const struct sems_reply *reply)
{
	cJSON *root = NULL;

	if (reply->body == NULL || reply->status < HTTP_BAD) {
		return by_status;
	}
	const enum sems_verdict v = sems_json_open(reply->body, reply->len, &c->config->codes,
						   c->code, &root);

	cJSON_Delete(root);
	return v == SEMS_PASSWORD || v == SEMS_BUSY || v == SEMS_EXPIRED || v == SEMS_FORBIDDEN
		       ? v
		       : by_status;
}

enum sems_verdict sems_client_ask(struct sems_client *c, const char *const *headers,
				  const char *body, struct sems_reply *reply)
{
	enum sems_verdict v = SEMS_FOREIGN;

	c->code[0] = '\0';
	for (int i = 0; i <= SEMS_TRIES_REDIRECT; i++) {
		v = ask_host(c, headers, body, reply);
		/* "See other" asks for another kind of request: a page for people. */
		if (v != SEMS_FOREIGN || reply->redirect[0] == '\0' ||
		    reply->status == HTTP_SEE_OTHER) {
			break;
		}
		memcpy(c->url, reply->redirect, sizeof(c->url));
		sems_reply_free(reply);
	}
	return look_for_code(c, v, reply);
}
