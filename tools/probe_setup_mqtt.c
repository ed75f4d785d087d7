/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of the broker. The password itself is never asked for. */
#include "probe_setup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PORT_MAX 65535UL
#define TLS_PORT "8883"
#define NONE	 "none"

static const char *is_host(const struct setup *s, char *answer, size_t size)
{
	(void)s;
	(void)size;
	return setup_is_plain(answer) && strchr(answer, '/') == NULL
		       ? NULL
		       : "expected a name or an address, without port and without mqtt://, or none";
}

static const char *is_port(const struct setup *s, char *answer, size_t size)
{
	char *end = NULL;
	const unsigned long v = strtoul(answer, &end, 10);

	(void)s;
	(void)size;
	return isdigit((unsigned char)answer[0]) != 0 && *end == '\0' && v >= 1 && v <= PORT_MAX
		       ? NULL
		       : "expected a number from 1 to 65535";
}

static const char *is_user(const struct setup *s, char *answer, size_t size)
{
	(void)s;
	(void)size;
	return setup_is_plain(answer)
		       ? NULL
		       : "expected a name without spaces, quotes and brackets, or none";
}

/*
 * The password itself is never asked for: it would stand in a file that all may read. The file is
 * judged as the daemon will, which runs as the user jkpylon and refuses what others can read.
 */
static const char *is_secret_file(const struct setup *s, char *answer, size_t size)
{
	char path[FOUND_PATH * 2];
	struct stat st;

	(void)size;
	if (strcmp(answer, NONE) == 0) {
		return NULL;
	}
	if (!setup_is_plain(answer) || answer[0] != '/') {
		return "expected the absolute path of a file, or none; not the password";
	}
	if (!sys_path(s->found, path, sizeof(path), "%s", answer) || stat(path, &st) != 0) {
		return "there is no such file; make it in another terminal: sudo install -m 600 -o "
		       "jkpylon -g jkpylon /dev/null FILE, then edit it";
	}
	if (!S_ISREG(st.st_mode)) {
		return "that is no plain file";
	}
	if ((st.st_mode & (mode_t)(S_IRWXG | S_IRWXO)) != 0U) {
		return "others may read that file: sudo chmod 600 FILE";
	}
	if (s->found->host.user && (int64_t)st.st_uid != s->found->host.user_id) {
		return "that file is not of the user jkpylon, whom the daemon runs as: sudo chown "
		       "jkpylon:jkpylon FILE";
	}
	return st.st_size > 0 ? NULL : "that file is empty: write the password into it";
}

static int ask_tls(struct setup *s)
{
	const bool usual = strcmp(s->mqtt_port, TLS_PORT) == 0;
	const int r = setup_ask_yes(s, "Does it want TLS?", usual, &s->mqtt_tls);

	if (r == 0 && s->mqtt_tls) {
		printf("Its certificate is checked. If no authority that this system trusts has "
		       "signed it, add ca_file\nto the file, see jkpylon.conf(5).\n");
	}
	return r;
}

int setup_ask_mqtt(struct setup *s)
{
	int r = 0;

	printf("\n--- MQTT ---\n");
	if (s->found->host.broker_listens) {
		printf("A broker listens on this machine: localhost\n");
	}
	r = setup_ask(s, "Broker for telemetry and Home Assistant (name or address, or none)", NONE,
		      is_host, s->mqtt_host, sizeof(s->mqtt_host));
	if (r != 0) {
		return r;
	}
	if (strcmp(s->mqtt_host, NONE) == 0) {
		s->mqtt_host[0] = '\0';
		return 0;
	}
	r = setup_ask(s, "Its port", "1883", is_port, s->mqtt_port, sizeof(s->mqtt_port));
	if (r == 0) {
		r = ask_tls(s);
	}
	if (r == 0) {
		r = setup_ask(s, "User at the broker (or none)", NONE, is_user, s->mqtt_user,
			      sizeof(s->mqtt_user));
	}
	if (r != 0 || strcmp(s->mqtt_user, NONE) == 0) {
		s->mqtt_user[0] = '\0';
		return r;
	}
	r = setup_ask(s, "File with the password, nothing else in it (or none)",
		      "/etc/jkpylon/mqtt", is_secret_file, s->mqtt_password_file,
		      sizeof(s->mqtt_password_file));
	if (strcmp(s->mqtt_password_file, NONE) == 0) {
		s->mqtt_password_file[0] = '\0';
	}
	return r;
}
