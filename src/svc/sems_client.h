/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session at the portal: login, plant, values; redirects and the end of a session. No thread of its
 * own: the service and jkpylon-probe use it.
 */
#ifndef JKP_SVC_SEMS_CLIENT_H
#define JKP_SVC_SEMS_CLIENT_H

#include "svc/sems.h"
#include "sems_curl.h"

struct lookup;

#define SEMS_LOGIN_TEXT 256U /* account, password: each with its NUL */
#define SEMS_BODY_MAX	4096U

/* Where a try is, for whoever tells about it. */
enum sems_stage {
	SEMS_AT_LIBRARY,
	SEMS_AT_LOGIN_FILE,
	SEMS_AT_LOGIN,
	SEMS_AT_STATIONS,
	SEMS_AT_VALUES,
	SEMS_STAGES
};

/**
 * struct sems_wait - how the user of a client waits
 * @wait: as service_wait() with @context
 * @stop_fd: readable when it has to end, -1 = never
 */
struct sems_wait {
	int (*wait)(void *context, int fd, short events, int32_t ms);
	void *context;
	int stop_fd;
};

/**
 * struct sems_client - one session; zeroed but for the first two members
 * @config, @wait: the owner's
 * @stage: where the newest try ended
 * @code: of the newest answer, shown
 * @status: of HTTP of the newest answer
 * @error: errno of the newest connection, or of getaddrinfo()
 * @why: why the library could not be loaded
 * @host: the newest one asked
 * @stations: as the account has them, if it was asked
 */
struct sems_client {
	const struct sems_config *config;
	struct sems_wait wait;
	enum sems_stage stage;
	char code[SEMS_CODE_MAX];
	int32_t status;
	int error;
	char why[SEMS_LIBRARY_TEXT];
	char host[SEMS_HOST_MAX];
	struct sems_stations stations;
	struct sems_count count;
	/* ---- */
	struct lookup *lookup;
	char lookup_host[SEMS_HOST_MAX];
	bool logged_in;
	char station[SEMS_STATION_MAX];
	struct sems_session session;
	bool has_login;
	char account[SEMS_LOGIN_TEXT];
	char password[SEMS_LOGIN_TEXT];
	char url[SEMS_URL_MAX];
	char body[SEMS_BODY_MAX];
	char token_line[SEMS_HEADER_MAX + 64U];
};

/**
 * sems_client_read - ask for the values; log in before, if need be
 * @ret_values: untouched unless SEMS_OK is returned
 *
 * At most one login: a session that has ended is renewed once.
 * Return: the verdict; @stage, @code, @status and @error say more.
 * Context: one thread. Bound: 8 requests, with as many redirects each as are followed; at once when the
 * owner ends.
 */
enum sems_verdict sems_client_read(struct sems_client *c, struct sems_values *ret_values);

/* Forget the session, overwrite all secrets. Context: the same thread. */
void sems_client_close(struct sems_client *c);

/**
 * sems_client_ask - the question of @c->url, after redirects to hosts of the list
 * @headers: lines, NULL at the end
 * @body: NULL: a GET
 * @reply: zeroed; sems_reply_free() it whatever is returned
 *
 * sems_ask.c. Return: SEMS_OK: HTTP 200; else the verdict, by a code in the answer if there is one.
 */
enum sems_verdict sems_client_ask(struct sems_client *c, const char *const *headers,
				  const char *body, struct sems_reply *reply);
void sems_client_drop_lookup(struct sems_client *c);

/**
 * sems_login_read - account and password from their file
 * @path: first line the account, second the password; empty: fails
 * @credential: its mode is not looked at
 * @ret_account, @ret_password: SEMS_LOGIN_TEXT bytes each; untouched on failure
 *
 * Return: 0; -EPERM: others may read it, or it is no file; -ENODATA: a line is missing; -EFBIG: one is
 * too long; another -errno.
 */
int sems_login_read(const char *path, bool credential, char *ret_account, char *ret_password);

#endif
