/* SPDX-License-Identifier: Apache-2.0 */
#include "sems_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SCHEME	     "https://"
#define HTTPS_PORT   443U
#define PORT_DIGITS  5U
#define DECIMAL	     10U
#define STATION_MARK "{station}"

static bool printable(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}", *s) != NULL) {
			return false;
		}
	}
	return true;
}

/* ":443" and the end of the authority. */
static bool take_port(const char *s, size_t len, uint16_t *ret_port)
{
	uint32_t v = 0;

	if (len == 0) {
		return true;
	}
	if (s[0] != ':' || len < 2U || len > PORT_DIGITS + 1U) {
		return false;
	}
	for (size_t i = 1; i < len; i++) {
		if (s[i] < '0' || s[i] > '9') {
			return false;
		}
		v = v * DECIMAL + (uint32_t)(s[i] - '0');
	}
	if (v == 0 || v > UINT16_MAX) {
		return false;
	}
	*ret_port = (uint16_t)v;
	return true;
}

bool sems_url_split(const char *url, struct sems_url *ret_url)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-";
	struct sems_url u = {.port = HTTPS_PORT};

	if (strncasecmp(url, SCHEME, strlen(SCHEME)) != 0 || !printable(url) ||
	    strlen(url) >= SEMS_URL_MAX) {
		return false;
	}
	const char *host = url + strlen(SCHEME);
	const size_t len = strspn(host, letters);
	const size_t authority = strcspn(host, "/?#");

	if (len == 0 || len >= SEMS_HOST_MAX || host[0] == '.' || host[0] == '-' ||
	    len > authority || !take_port(host + len, authority - len, &u.port)) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		const char c = host[i];

		u.host[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	*ret_url = u;
	return true;
}

bool sems_url_allowed(const char *hosts, const char *host)
{
	const size_t host_len = strlen(host);

	for (const char *h = hosts; *h != '\0';) {
		const size_t len = strcspn(h, " ");
		const char *tail = host_len >= len ? host + host_len - len : NULL;

		if (len > 0 && tail != NULL && strncasecmp(tail, h, len) == 0 &&
		    (tail == host || tail[-1] == '.')) {
			return true;
		}
		h += len;
		h += strspn(h, " ");
	}
	return false;
}

bool sems_url_join(const char *base, const char *path, const char *station,
		   char ret_url[SEMS_URL_MAX])
{
	const char *mark = strstr(path, STATION_MARK);
	const size_t base_len = strlen(base);
	const size_t cut = base_len > 0 && base[base_len - 1U] == '/' ? base_len - 1U : base_len;
	const size_t head = mark != NULL ? (size_t)(mark - path) : strlen(path);
	const char *tail = mark != NULL ? mark + strlen(STATION_MARK) : "";
	const int n = snprintf(ret_url, SEMS_URL_MAX, "%.*s%s%.*s%s%s", (int)cut, base,
			       path[0] == '/' ? "" : "/", (int)head, path,
			       mark != NULL ? station : "", tail);

	return n > 0 && (size_t)n < SEMS_URL_MAX;
}
