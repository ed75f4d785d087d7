/* SPDX-License-Identifier: Apache-2.0 */
#include "sems_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "proto/sems.h"
#include "sems_json.h"

#define HEADERS_MAX  16U
#define HEADER_TEXT  512U /* of all that are configured */
#define HEADER_LINE  320U
#define SEPARATOR    '|'
#define PAGE_SIZE    100
#define OLD_API	     "/api" /* how an address of the old form ends */
#define STATION_MARK "{station}"
#define CONTENT_TYPE "Content-Type: application/json"
#define NO_EXPECT    "Expect:"
#define AGENT	     "User-Agent: "

/**
 * struct headers - lines of a request
 */
struct headers {
	const char *line[HEADERS_MAX];
	size_t count;
	char configured[HEADER_TEXT];
	char agent[HEADER_LINE];
	char signature[HEADER_LINE];
};

_Static_assert(SEMS_SIGNATURE_SIZE < HEADER_LINE / 2U, "room for the name and the signature");

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

static void add_header(struct headers *h, const char *line)
{
	if (h->count < HEADERS_MAX - 1U) {
		h->line[h->count++] = line;
	}
}

/* "Name: value | Name: value" */
static void add_configured(struct headers *h, const char *text)
{
	char *s = h->configured;

	(void)snprintf(h->configured, sizeof(h->configured), "%s", text);
	while (s != NULL) {
		char *end = strchr(s, SEPARATOR);

		s += strspn(s, " ");
		if (end != NULL) {
			*end = '\0';
		}
		for (size_t n = strlen(s); n > 0 && s[n - 1U] == ' '; n--) {
			s[n - 1U] = '\0';
		}
		if (*s != '\0') {
			add_header(h, s);
		}
		s = end != NULL ? end + 1 : NULL;
	}
}

/* The token of a session, or what stands in its place at the login. */
static bool make_token_line(struct sems_client *c)
{
	const struct sems_config *f = c->config;
	const int n = snprintf(c->token_line, sizeof(c->token_line), "%s: ", f->token_header);
	char *to = c->token_line + n;
	const size_t room = sizeof(c->token_line) - (size_t)n;

	if (c->logged_in) {
		(void)snprintf(to, room, "%s", c->session.header);
		return true;
	}
	cJSON *o = cJSON_CreateObject();
	bool good = o != NULL;

	if (f->portal == SEMS_PORTAL_PLUS) {
		good = good && cJSON_AddStringToObject(o, "uid", "") != NULL &&
		       cJSON_AddNumberToObject(o, "timestamp", 0) != NULL &&
		       cJSON_AddStringToObject(o, "token", "") != NULL;
	}
	good = good && cJSON_AddStringToObject(o, "client", f->client) != NULL &&
	       cJSON_AddStringToObject(o, "version", f->version) != NULL &&
	       cJSON_AddStringToObject(o, "language", f->language) != NULL &&
	       sems_json_ascii(o, to, room);
	cJSON_Delete(o);
	return good;
}

/* Return: false: no memory. */
static bool make_headers(struct sems_client *c, struct headers *h)
{
	*h = (struct headers){0};
	if (!make_token_line(c)) {
		return false;
	}
	add_header(h, CONTENT_TYPE);
	add_header(h, NO_EXPECT);
	(void)snprintf(h->agent, sizeof(h->agent), AGENT "%s", c->config->agent);
	add_header(h, h->agent);
	add_header(h, c->token_line);
	if (c->config->signature_header[0] != '\0') {
		char text[SEMS_SIGNATURE_SIZE];

		sems_signature(wall_ms(), c->logged_in ? c->session.uid : "",
			       c->logged_in ? c->session.token : "", text);
		(void)snprintf(h->signature, sizeof(h->signature), "%s: %s",
			       c->config->signature_header, text);
		add_header(h, h->signature);
	}
	add_configured(h, c->config->headers);
	return true;
}

static enum sems_verdict no_memory(struct sems_client *c)
{
	c->error = ENOMEM;
	return SEMS_UNREACHABLE;
}

/* Return: false: no memory. */
static bool make_login_body(struct sems_client *c)
{
	char pwd[SEMS_PASSWORD_SIZE];
	const bool plus = c->config->portal == SEMS_PORTAL_PLUS;
	cJSON *o = cJSON_CreateObject();
	bool good = o != NULL;

	sems_password(c->password, pwd);
	good = good && cJSON_AddStringToObject(o, "account", c->account) != NULL &&
	       cJSON_AddStringToObject(o, "pwd", plus ? pwd : c->password) != NULL;
	if (plus) {
		good = good && cJSON_AddNumberToObject(o, "agreement", 1) != NULL &&
		       cJSON_AddFalseToObject(o, "isLocal") != NULL &&
		       cJSON_AddFalseToObject(o, "isChinese") != NULL;
	}
	good = good && sems_json_ascii(o, c->body, sizeof(c->body));
	cJSON_Delete(o);
	explicit_bzero(pwd, sizeof(pwd));
	return good;
}

/* Where the session says that further requests go. Return: false: nowhere that is allowed. */
static bool judge_api(struct sems_client *c)
{
	struct sems_session *s = &c->session;
	const size_t len = strlen(s->api);
	const size_t end = len > 0 && s->api[len - 1U] == '/' ? len - 1U : len;
	const size_t old = strlen(OLD_API);
	struct sems_url at;

	/* The old login answers with an address at which the old questions are not known. */
	if (len == 0 || (c->config->portal == SEMS_PORTAL_LEGACY &&
			 (end < old || strncmp(s->api + end - old, OLD_API, old) != 0))) {
		(void)snprintf(s->api, sizeof(s->api), "%s", c->config->api);
	}
	return sems_url_split(s->api, &at) && sems_url_allowed(c->config->hosts, at.host);
}

static enum sems_verdict login(struct sems_client *c)
{
	struct sems_reply reply = {0};
	struct headers h;

	c->stage = SEMS_AT_LOGIN;
	c->logged_in = false;
	if (!make_headers(c, &h) || !make_login_body(c)) {
		return no_memory(c);
	}
	(void)snprintf(c->url, sizeof(c->url), "%s", c->config->login_url);
	c->count.logins++;
	enum sems_verdict v = sems_client_ask(c, h.line, c->body, &reply);

	explicit_bzero(c->body, sizeof(c->body));
	if (v == SEMS_OK) {
		v = sems_login_decode(reply.body != NULL ? reply.body : "", reply.len,
				      &c->config->codes, c->code, &c->session);
	}
	sems_reply_free(&reply);
	if (v == SEMS_OK && !judge_api(c)) {
		v = SEMS_FOREIGN;
	}
	c->logged_in = v == SEMS_OK;
	return v;
}

/* A question in a session. @body: NULL: a GET. */
static enum sems_verdict ask_in_session(struct sems_client *c, const char *path, const char *body,
					struct sems_reply *reply)
{
	struct headers h;

	if (!make_headers(c, &h)) {
		return no_memory(c);
	}
	if (!sems_url_join(c->session.api, path, c->station, c->url)) {
		return SEMS_FOREIGN;
	}
	return sems_client_ask(c, h.line, body, reply);
}

static enum sems_verdict find_station(struct sems_client *c)
{
	struct sems_reply reply = {0};

	if (c->config->station[0] != '\0') {
		(void)snprintf(c->station, sizeof(c->station), "%s", c->config->station);
		return SEMS_OK;
	}
	c->stage = SEMS_AT_STATIONS;
	(void)snprintf(c->body, sizeof(c->body), "{\"current\":1,\"size\":%d}", PAGE_SIZE);
	enum sems_verdict v = ask_in_session(c, c->config->stations_path, c->body, &reply);

	if (v == SEMS_OK) {
		v = sems_stations_decode(reply.body != NULL ? reply.body : "", reply.len,
					 &c->config->codes, c->code, &c->stations);
	}
	sems_reply_free(&reply);
	if (v == SEMS_OK && c->stations.count != 1U) {
		return SEMS_STATIONS;
	}
	if (v == SEMS_OK) {
		memcpy(c->station, c->stations.id[0], sizeof(c->station));
	}
	return v;
}

static enum sems_verdict read_values(struct sems_client *c, struct sems_values *ret_values)
{
	const char *path = c->config->values_path;
	const bool get = strstr(path, STATION_MARK) != NULL;
	struct sems_reply reply = {0};
	enum sems_verdict v = c->station[0] != '\0' ? SEMS_OK : find_station(c);

	if (v != SEMS_OK) {
		return v;
	}
	c->stage = SEMS_AT_VALUES;
	(void)snprintf(c->body, sizeof(c->body), "{\"powerStationId\":\"%s\"}", c->station);
	v = ask_in_session(c, path, get ? NULL : c->body, &reply);
	if (v == SEMS_OK) {
		v = sems_values_decode(reply.body != NULL ? reply.body : "", reply.len,
				       &c->config->codes, c->code, ret_values);
	}
	sems_reply_free(&reply);
	return v;
}

/* What has to be there before anything is asked. */
static enum sems_verdict prepare(struct sems_client *c)
{
	c->stage = SEMS_AT_LIBRARY;
	c->status = 0;
	c->code[0] = '\0';
	c->error = -sems_curl_load(c->why);
	if (c->error != 0) {
		return SEMS_NO_LIBRARY;
	}
	c->stage = SEMS_AT_LOGIN_FILE;
	if (!c->has_login) {
		c->error = -sems_login_read(c->config->login_file, c->config->credential,
					    c->account, c->password);
		c->has_login = c->error == 0;
	}
	return c->has_login ? SEMS_OK : SEMS_NO_LOGIN;
}

enum sems_verdict sems_client_read(struct sems_client *c, struct sems_values *ret_values)
{
	enum sems_verdict v = prepare(c);
	bool fresh = false;

	if (v == SEMS_OK && !c->logged_in) {
		fresh = true;
		v = login(c);
	}
	if (v == SEMS_OK) {
		v = read_values(c, ret_values);
	}
	/* Once: two who use the same account end each other's session for ever. */
	if (v == SEMS_EXPIRED && c->logged_in && !fresh) {
		v = login(c);
		v = v == SEMS_OK ? read_values(c, ret_values) : v;
	}
	if (v == SEMS_EXPIRED) {
		c->logged_in = false;
	}
	if (v == SEMS_OK) {
		c->count.readings++;
	} else if (v != SEMS_CANCELED) {
		c->count.failures++;
	}
	return v;
}

void sems_client_close(struct sems_client *c)
{
	sems_client_drop_lookup(c);
	c->logged_in = false;
	c->has_login = false;
	explicit_bzero(&c->session, sizeof(c->session));
	explicit_bzero(c->account, sizeof(c->account));
	explicit_bzero(c->password, sizeof(c->password));
	explicit_bzero(c->token_line, sizeof(c->token_line));
	explicit_bzero(c->body, sizeof(c->body));
}
