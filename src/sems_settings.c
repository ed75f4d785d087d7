/* SPDX-License-Identifier: Apache-2.0 */
#include "sems_settings.h"

static void take_plus(const struct config *c, struct sems_config *s)
{
	s->login_url = c->sems_plus_login;
	s->api = c->sems_plus_api;
	s->client = c->sems_plus_client;
	s->version = c->sems_plus_version;
	s->token_header = c->sems_plus_token;
	s->signature_header = c->sems_plus_signature;
	s->headers = c->sems_plus_headers;
	s->stations_path = c->sems_plus_stations;
	s->values_path = c->sems_plus_values;
}

static void take_legacy(const struct config *c, struct sems_config *s)
{
	s->login_url = c->sems_legacy_login;
	s->api = c->sems_legacy_api;
	s->client = c->sems_legacy_client;
	s->version = c->sems_legacy_version;
	s->token_header = c->sems_legacy_token;
	s->signature_header = "";
	s->headers = c->sems_legacy_headers;
	s->stations_path = "";
	s->values_path = c->sems_legacy_values;
}

void sems_settings(const struct config *c, char *login_path, struct sems_config *ret_settings)
{
	struct sems_config s = {
		.portal = c->sems_portal == SEMS_PORTAL_LEGACY ? SEMS_PORTAL_LEGACY
							       : SEMS_PORTAL_PLUS,
		.credential = conf_secret_path(c->sems_login_file, login_path),
		.login_file = login_path,
		.station = c->sems_station,
		.hosts = c->sems_hosts,
		.ca_file = c->sems_ca_file,
		.agent = c->sems_agent,
		.language = c->sems_language,
		.codes = {.good = c->sems_good,
			  .expired = c->sems_expired,
			  .password = c->sems_password,
			  .busy = c->sems_busy,
			  .forbidden = c->sems_forbidden},
		.poll_ms = c->sems_poll_ms,
		.stale_ms = c->core.source[SOURCE_PORTAL].stale_ms,
		.timeout_ms = c->sems_timeout_ms,
		.clock_wait_ms = c->sems_clock_wait_ms,
	};

	if (s.portal == SEMS_PORTAL_PLUS) {
		take_plus(c, &s);
	} else {
		take_legacy(c, &s);
	}
	*ret_settings = s;
}
