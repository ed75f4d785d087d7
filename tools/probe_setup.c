/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "setup": from what is found and some answers to a first configuration. It lives in the probe and
 * not in jkpylond, which is the guard: what may pull the plug asks no questions and writes no files
 * of this kind.
 */
#include "probe_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ask_all(struct setup *s, bool consent)
{
	int r = setup_ask_bms(s, consent);

	r = r == 0 ? setup_ask_can(s) : r;
	r = r == 0 ? setup_ask_relay(s) : r;
	r = r == 0 ? setup_ask_watchdog(s) : r;
	return r == 0 ? setup_ask_mqtt(s) : r;
}

/* Return: 0, or as setup_ask(); -ECANCELED: not wanted. */
static int ask_to_write(const struct setup *s, const char *path, bool may_replace,
			bool *ret_replace)
{
	char question[FOUND_PATH * 2];
	const bool exists = access(path, F_OK) == 0;
	const bool as_shipped = exists && found_as_shipped(s->found, path);
	bool write_it = false;
	int r = 0;

	if (as_shipped) {
		sys_text(question, sizeof(question),
			 "%s is as shipped. Replace it? The old one is kept beside it", path);
	} else if (exists) {
		sys_text(question, sizeof(question),
			 "%s exists. Replace it? The old one is kept beside it", path);
	} else {
		sys_text(question, sizeof(question), "Write this to %s?", path);
	}
	r = setup_ask_yes(s, question, !exists || as_shipped || may_replace, &write_it);
	if (r != 0) {
		return r;
	}
	*ret_replace = exists;
	return write_it ? 0 : -ECANCELED;
}

static void say_next(const struct setup *s, const char *path, bool usual)
{
	const char *option = usual ? "" : " --config ";
	const char *file = usual ? "" : path;

	printf("\nnext, in this order:\n"
	       "  sudo jkpylond%s%s --check      says whether the file is good\n"
	       "  sudo jkpylond%s%s --explain    asks the BMS once and shows every limit\n",
	       option, file, option, file);
	if (s->mqtt_host[0] != '\0') {
		printf("  sudo install -D -m 644 -t /etc/systemd/system/jkpylond.service.d "
		       "/usr/share/jkpylon/network.conf\n"
		       "  sudo systemctl daemon-reload\n"
		       "                                permits the service to speak IP\n");
	}
	printf("  sudo systemctl enable jkpylond && sudo systemctl restart jkpylond\n");
}

static int status_of(int r)
{
	if (r == -ECANCELED) {
		printf("Nothing was written.\n");
		return PROBE_BROKEN;
	}
	fprintf(stderr, "jkpylon-probe: a question was not answered; nothing was written\n");
	return PROBE_USAGE;
}

/* The root stands for / in the name of the file as well. Return: false after a message. */
static bool find_path(const struct found *f, const struct probe_options *o, char *ret, size_t size)
{
	const char *path = o->output != NULL ? o->output : CONF_DEFAULT_FILE;

	if (path[0] == '\0' || (o->output == NULL ? !sys_path(f, ret, size, "%s", path)
						  : snprintf(ret, size, "%s", path) >= (int)size)) {
		fprintf(stderr, "jkpylon-probe: --output: expected the name of a file\n");
		return false;
	}
	return true;
}

int probe_setup(const struct probe_options *o)
{
	static struct found f;
	struct setup s = {.found = &f, .yes = o->yes};
	char path[FOUND_PATH];
	char backup[FOUND_PATH + FOUND_NAME];
	char how[FOUND_PATH * 2];
	bool replace = false;
	char *text = NULL;
	int r = 0;

	if ((o->root != NULL && strlen(o->root) >= sizeof(f.root)) ||
	    (o->root != NULL && snprintf(f.root, sizeof(f.root), "%s", o->root) < 0) ||
	    !find_path(&f, o, path, sizeof(path))) {
		return PROBE_USAGE;
	}
	if (setup_may_write(path) != 0) {
		return PROBE_DEVICE;
	}
	printf("This looks at the machine, asks some questions and writes %s.\n"
	       "Enter takes what stands in [ ]. Nothing is written before you say so at the end; "
	       "Ctrl-C ends it.\n"
	       "Looking; some seconds of listening ...\n",
	       path);
	(void)fflush(stdout);
	found_all(&f, o);
	if (setup_daemon_runs(&f, how, sizeof(how))) {
		fprintf(stderr,
			"jkpylon-probe: the daemon runs (%s), so its relay and watchdog cannot be "
			"chosen: systemctl stop jkpylond, then begin again; nothing was written\n",
			how);
		return PROBE_DEVICE;
	}
	r = ask_all(&s, o->ask_bms);
	text = r == 0 ? setup_text(&s) : NULL;
	if (r == 0 && text == NULL) {
		fprintf(stderr, "jkpylon-probe: no memory left\n");
		return PROBE_DEVICE;
	}
	if (r == 0) {
		printf("\n--- %s ---\n%s---\n", path, text);
		setup_say_lost(&f, path, text);
		r = ask_to_write(&s, path, o->replace, &replace);
	}
	if (r != 0) {
		free(text);
		return status_of(r);
	}
	const int status = setup_write(path, text, replace, backup, sizeof(backup));

	free(text);
	if (backup[0] != '\0') {
		printf("The old file is %s.\n", backup);
	}
	if (status != 0) {
		return status;
	}
	printf("Written: %s. It has passed the check of the daemon.\n", path);
	say_next(&s, path, o->output == NULL);
	return PROBE_GOOD;
}
