/* SPDX-License-Identifier: Apache-2.0 */
/* Command sources of the simulator: standard input, a socket, a script. */
#include "sim_control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim_capture.h"

#define BACKLOG	   4
#define READ_CHUNK 512

static int open_listener(struct sim_control *c, const char *path, char *err, size_t err_len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	_Static_assert(sizeof(c->path) >= sizeof(a.sun_path), "a path that fits there fits here");
	if (strlen(path) >= sizeof(a.sun_path)) {
		snprintf(err, err_len, "%s: path too long for a socket", path);
		return -ENAMETOOLONG;
	}
	memcpy(a.sun_path, path, strlen(path));
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->listener < 0) {
		snprintf(err, err_len, "socket: %s", strerror(errno));
		return -errno;
	}
	/* A socket that nobody answers is left over from a run that was killed. */
	if (connect(c->listener, (const struct sockaddr *)&a, sizeof(a)) != 0 &&
	    errno == ECONNREFUSED) {
		(void)unlink(path);
	}
	close(c->listener);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->listener < 0 || bind(c->listener, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(c->listener, BACKLOG) != 0) {
		const int rc = -errno;

		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
		if (c->listener >= 0) {
			close(c->listener);
			c->listener = -1;
		}
		return rc;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	return 0;
}

int sim_control_open(struct sim_control *c, sim_run *run, void *owner, const char *spec, char *err,
		     size_t err_len)
{
	static const char prefix[] = "unix:";

	memset(c, 0, sizeof(*c));
	c->run = run;
	c->owner = owner;
	c->listener = -1;
	for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
		c->client[i].in = -1;
	}
	c->client[0].in = STDIN_FILENO;
	c->client[0].out = STDOUT_FILENO;
	if (!spec) {
		return 0;
	}
	if (strncmp(spec, prefix, strlen(prefix)) != 0) {
		snprintf(err, err_len, "%s: expected unix:PATH", spec);
		return -EINVAL;
	}
	return open_listener(c, spec + strlen(prefix), err, err_len);
}

static int add_line(struct sim_control *c, char *line)
{
	char *rest = NULL;
	const double at = strtod(line, &rest);

	if (rest == line || at < 0 || (*rest != ' ' && *rest != '\t') ||
	    (c->script_len > 0 && at < c->script[c->script_len - 1].at_s)) {
		return -EINVAL;
	}
	struct sim_script_line *grown = realloc(c->script,
						(c->script_len + 1) * sizeof(c->script[0]));

	if (!grown) {
		return -ENOMEM;
	}
	c->script = grown;
	c->script[c->script_len].at_s = at;
	c->script[c->script_len].text = strdup(rest + strspn(rest, " \t"));
	return c->script[c->script_len++].text ? 0 : -ENOMEM;
}

int sim_control_script(struct sim_control *c, const char *path, char *err, size_t err_len)
{
	char read_err[CAPTURE_ERROR_MAX];
	char *text = NULL;
	size_t len = 0;
	int rc = capture_read_file(path, &text, &len, read_err);
	int line_no = 0;

	if (rc != 0) {
		snprintf(err, err_len, "%s", read_err);
		return rc;
	}
	for (char *next = text, *line = NULL; rc == 0 && (line = strsep(&next, "\n"));) {
		line_no++;
		line += strspn(line, " \t");
		line[strcspn(line, "#\r")] = '\0';
		if (*line != '\0') {
			rc = add_line(c, line);
		}
	}
	free(text);
	if (rc != 0) {
		snprintf(err, err_len, "%s:%d: expected 'SECONDS COMMAND', times not going back",
			 path, line_no);
	}
	return rc;
}

void sim_control_close(struct sim_control *c)
{
	for (int i = 1; i < SIM_CLIENTS_MAX; i++) {
		if (c->client[i].in >= 0) {
			close(c->client[i].in);
		}
	}
	if (c->listener >= 0) {
		close(c->listener);
		(void)unlink(c->path);
	}
	for (size_t i = 0; i < c->script_len; i++) {
		free(c->script[i].text);
	}
	free(c->script);
}

int sim_control_poll(const struct sim_control *c, struct pollfd *fds)
{
	int n = 0;

	if (c->listener >= 0) {
		fds[n++] = (struct pollfd){.fd = c->listener, .events = POLLIN};
	}
	for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
		if (c->client[i].in >= 0) {
			fds[n++] = (struct pollfd){.fd = c->client[i].in, .events = POLLIN};
		}
	}
	return n;
}

static void drop(struct sim_client *k)
{
	if (k->in > STDERR_FILENO) {
		close(k->in);
	}
	k->in = -1;
	k->marks = false;
}

/* A client that does not read loses its connection, not our time. */
void sim_control_say(struct sim_client *k, const char *text)
{
	char line[SIM_REPLY_MAX + 1];
	const int n = snprintf(line, sizeof(line), "%s\n", text);

	if (n > 0 && (size_t)n < sizeof(line) && write(k->out, line, (size_t)n) != n) {
		drop(k);
	}
}

static void accept_clients(struct sim_control *c)
{
	for (;;) {
		const int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		int i = 1;

		if (fd < 0) {
			return;
		}
		while (i < SIM_CLIENTS_MAX && c->client[i].in >= 0) {
			i++;
		}
		if (i == SIM_CLIENTS_MAX) {
			static const char full[] = "error: too many clients\n";

			(void)!write(fd, full, sizeof(full) - 1U);
			close(fd);
			continue;
		}
		c->client[i] = (struct sim_client){.in = fd, .out = fd};
	}
}

static void take_line(struct sim_control *c, struct sim_client *k)
{
	char reply[SIM_REPLY_MAX];
	const bool overlong = k->overlong;

	k->line[k->len] = '\0';
	k->len = 0;
	k->overlong = false;
	if (overlong) {
		sim_control_say(k, "error: line too long");
		return;
	}
	c->run(c->owner, k, k->line, reply);
	if (reply[0] != '\0') {
		sim_control_say(k, reply);
	}
}

static void read_client(struct sim_control *c, struct sim_client *k)
{
	char buf[READ_CHUNK];
	struct pollfd p = {.fd = k->in, .events = POLLIN};

	if (poll(&p, 1, 0) <= 0) {
		return;
	}
	const ssize_t n = read(k->in, buf, sizeof(buf));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(k);
		return;
	}
	for (ssize_t i = 0; i < n && k->in >= 0; i++) {
		if (buf[i] == '\n') {
			take_line(c, k);
		} else if (k->len < sizeof(k->line) - 1U) {
			k->line[k->len++] = buf[i];
		} else {
			k->overlong = true;
		}
	}
}

static void run_script(struct sim_control *c, double elapsed_s)
{
	char reply[SIM_REPLY_MAX];

	while (c->script_at < c->script_len && elapsed_s >= c->script[c->script_at].at_s) {
		struct sim_script_line *l = &c->script[c->script_at++];

		fprintf(stderr, "sim: %.3f s: %s", l->at_s, l->text);
		c->run(c->owner, NULL, l->text, reply);
		fprintf(stderr, ": %s\n", reply);
	}
}

void sim_control_step(struct sim_control *c, double elapsed_s)
{
	if (c->listener >= 0) {
		accept_clients(c);
	}
	for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
		if (c->client[i].in >= 0) {
			read_client(c, &c->client[i]);
		}
	}
	run_script(c, elapsed_s);
}
