/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that go to a web server, and what belongs to the portal of GoodWe. */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "conf_private.h"

#define HTTPS	     "https://"
#define LOCALHOST    "localhost"
#define LETTERS	     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	     "0123456789"
#define STATION_MARK "{station}"
#define STATION_MAX  64U
#define HEADERS_MAX  8U
#define HEADER_MAX   40U
#define POLL_MS	     60000
#define TIMEOUT_MS   10000
#define CLOCK_MS     300000
#define POLLS	     2

static bool made_of(const char *value, const char *allowed)
{
	return value[0] != '\0' && value[strspn(value, allowed)] == '\0';
}

const char *conf_check_url(const char *value)
{
	static const char host[] = LETTERS DIGITS ".-";
	const size_t scheme = strlen(HTTPS);
	const char *at = value + scheme;

	if (strncmp(value, HTTPS, scheme) != 0 || at[0] == '.' || at[0] == '-' ||
	    strspn(at, host) == 0) {
		return "an address that begins with https:// is needed: password and session are "
		       "sent there";
	}
	at += strspn(at, host);
	if (at[0] == ':') {
		at += 1 + strspn(at + 1, DIGITS);
	}
	return (at[0] == '\0' || at[0] == '/') && (at[0] == '\0' || conf_check_path(at) == NULL)
		       ? NULL
		       : "letters, digits and the usual signs of an address are needed, without a "
			 "user, for example https://semsplus.goodwe.com/web/sems";
}

const char *conf_check_path(const char *value)
{
	static const char signs[] = LETTERS DIGITS "/._~-?&=+,:@!$'()*";
	const char *mark = strstr(value, STATION_MARK);
	const size_t plain = strspn(value, signs);
	const char *rest = mark != NULL && plain == (size_t)(mark - value)
				   ? mark + strlen(STATION_MARK)
				   : value + plain;

	return plain > 0 && rest[strspn(rest, signs)] == '\0'
		       ? NULL
		       : "a path of letters, digits and the usual signs is needed, with {station} once "
			 "at most, for example /sems-plant/api/stations/flow?stationId={station}";
}

const char *conf_check_hosts(const char *value)
{
	bool whole = true;

	/* A name without a dot would stand for all that end so; a machine's own name has none. */
	for (const char *h = value; *h != '\0' && whole;) {
		const size_t len = strcspn(h, " ");

		whole = strspn(h, LETTERS DIGITS ".-") == len && h[0] != '.' && h[0] != '-' &&
			(memchr(h, '.', len) != NULL ||
			 (len == strlen(LOCALHOST) && strncmp(h, LOCALHOST, len) == 0));
		h += len;
		h += strspn(h, " ");
	}
	return whole && value[0] != '\0'
		       ? NULL
		       : "names of domains with blanks between are needed, for example "
			 "semsportal.com goodwe.com";
}

const char *conf_check_codes(const char *value)
{
	return made_of(value, LETTERS DIGITS "*_- ")
		       ? NULL
		       : "codes of letters and digits with blanks between are needed, for example "
			 "100001 100002 C0602";
}

const char *conf_check_word(const char *value)
{
	return made_of(value, LETTERS DIGITS "._-/() ")
		       ? NULL
		       : "letters, digits and . _ - / ( ) are needed, for example semsPlusWeb";
}

const char *conf_check_header(const char *value)
{
	return made_of(value, LETTERS DIGITS "-_") && strlen(value) <= HEADER_MAX
		       ? NULL
		       : "the name of a header is needed: at most 40 letters, digits, - and _, for "
			 "example X-Signature";
}

const char *conf_check_headers(const char *value)
{
	uint32_t count = 0;

	for (const char *h = value; h != NULL; count++) {
		const char *end = strchr(h, '|');
		const size_t len = end != NULL ? (size_t)(end - h) : strlen(h);
		const size_t blank = strspn(h, " ");
		const size_t name = strspn(h + blank, LETTERS DIGITS "-_");

		if (name == 0 || blank + name >= len || h[blank + name] != ':') {
			return "headers are needed as NAME: VALUE, with | between, for example "
			       "neutral: 0 | currentlang: en";
		}
		h = end != NULL ? end + 1 : NULL;
	}
	return count <= HEADERS_MAX ? NULL : "at most 8 headers";
}

const char *conf_check_station(const char *value)
{
	return made_of(value, LETTERS DIGITS "-_") && strlen(value) <= STATION_MAX
		       ? NULL
		       : "the id of a plant is needed: letters, digits, - and _; jkpylon-probe sems "
			 "lists those of the account";
}

void conf_default_sems(struct config *c)
{
	const struct {
		char *to;
		const char *value;
	} row[] = {
		{c->sems_hosts, "semsportal.com goodwe.com"},
		{c->sems_agent, "jkpylon"},
		{c->sems_language, "en"},
		{c->sems_plus_login,
		 "https://semsplus.goodwe.com/web/sems/sems-user/api/v1/auth/cross-login"},
		{c->sems_plus_api, "https://eu-gateway.semsportal.com/web/sems"},
		{c->sems_plus_client, "semsPlusWeb"},
		{c->sems_plus_token, "token"},
		{c->sems_plus_signature, "X-Signature"},
		{c->sems_plus_headers, "client: semsPlusWeb | neutral: 0 | currentlang: en"},
		{c->sems_plus_stations, "/sems-plant/api/portal/stations/page"},
		{c->sems_plus_values, "/sems-plant/api/stations/flow?stationId={station}"},
		{c->sems_legacy_login, "https://www.semsportal.com/api/v2/Common/CrossLogin"},
		{c->sems_legacy_api, "https://eu.semsportal.com/api/"},
		{c->sems_legacy_client, "ios"},
		{c->sems_legacy_version, "v2.1.0"},
		{c->sems_legacy_token, "Token"},
		{c->sems_legacy_values, "v2/PowerStation/GetMonitorDetailByPowerstationId"},
		{c->sems_good, "0 00000"},
		{c->sems_expired, "100001 100002 C0602"},
		{c->sems_password, "100005 A02*"},
		{c->sems_busy, "GY0429"},
		{c->sems_forbidden, "100025"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		memcpy(row[i].to, row[i].value, strlen(row[i].value) + 1U);
	}
	c->sems_poll_ms = POLL_MS;
	c->sems_timeout_ms = TIMEOUT_MS;
	c->sems_clock_wait_ms = CLOCK_MS;
}

static int fault(struct config_fault *ret_fault, const char *a, const char *b, const char *text)
{
	*ret_fault = (struct config_fault){a, b, text};
	return -EINVAL;
}

int conf_check_sems(const struct config *config, struct config_fault *ret_fault)
{
	if (config->sems_portal == SEMS_PORTAL_NONE) {
		return 0;
	}
	if (config->sems_login_file[0] == '\0') {
		return fault(
			ret_fault, "sems.portal", "sems.login_file",
			"the portal answers nobody without a login: write account and password "
			"into a file of mode 0600 and name it in sems.login_file");
	}
	if (config->sems_portal == SEMS_PORTAL_LEGACY && config->sems_station[0] == '\0') {
		return fault(
			ret_fault, "sems.portal", "sems.station",
			"the legacy portal must be told the plant: write its id (in the address "
			"of its page) into sems.station");
	}
	if (config->core.source[SOURCE_PORTAL].stale_ms < config->sems_poll_ms * POLLS) {
		return fault(
			ret_fault, "sems.stale", "sems.poll",
			"sems.stale must be at least twice sems.poll, or one lost answer makes "
			"its values useless: raise sems.stale or lower sems.poll");
	}
	return 0;
}
