/* SPDX-License-Identifier: Apache-2.0 */
/* What the screen of tools/demo shows, gathered from outside. See demo.h. */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/pylon.h"

#define RETRY_NS     (20 * DEMO_NS_PER_MS)
#define STALE_NS     DEMO_NS_PER_S
#define DRAIN_MAX    256
#define PRIORITY_ERR 3
#define DECIMAL_BASE 10

int64_t demo_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * DEMO_NS_PER_S + t.tv_nsec;
}

/* ---- the daemon's page ---- */

static void note_telemetry(struct demo *d)
{
	struct demo_seen *s = &d->seen;

	if (d->t.count_samples == 0) {
		return;
	}
	for (int i = 0; i < DIRS; i++) {
		const int32_t ma = d->t.limit_ma[i];

		s->limit_min[i] = ma < s->limit_min[i] ? ma : s->limit_min[i];
		s->limit_max[i] = ma > s->limit_max[i] ? ma : s->limit_max[i];
	}
	if (d->t.age_ms != INT32_MAX && d->t.age_ms > s->age_max_ms) {
		s->age_max_ms = d->t.age_ms;
	}
}

static void collect_stats(struct demo *d, int64_t now_ns)
{
	char err[STATS_ERROR_MAX];
	struct telemetry t;
	struct stats_loop loop;

	if (!d->stats_open) {
		d->stats_open = stats_open(d->stats_path, &d->stats, err) == 0;
	}
	if (d->stats_open && stats_read(&d->stats, &t, &loop) == 0) {
		d->t = t;
		d->loop = loop;
		d->have = true;
		note_telemetry(d);
	}
	d->fresh = d->have && now_ns - d->loop.t_ns < STALE_NS;
	/* A new worker makes a new page under the same name. */
	if (d->stats_open && d->have && !d->fresh) {
		stats_close(&d->stats);
		d->stats_open = false;
	}
}

/* ---- the bus ---- */

static void note_frame(struct demo *d, const struct can_frame *f, int64_t now_ns)
{
	int i = 0;

	while (i < d->frames && d->frame[i].can.can_id != f->can_id) {
		i++;
	}
	if (i == DEMO_IDS) {
		return;
	}
	d->frames = i == d->frames ? i + 1 : d->frames;
	d->frame[i].can = *f;
	d->frame[i].t_ns = now_ns;
	d->frame[i].count++;
	if (f->can_id != PYLON_ID_ALIVE) {
		d->seen.frames++;
		if (d->seen.first_frame_ns == DEMO_NEVER) {
			d->seen.first_frame_ns = now_ns;
		}
	}
}

static void collect_bus(struct demo *d, int64_t now_ns)
{
	struct canbus_frame f;

	if (!d->bus_open) {
		if (now_ns < d->retry_ns) {
			return;
		}
		d->retry_ns = now_ns + RETRY_NS;
		d->bus_open = canbus_open(&d->bus, d->bus_path) == 0;
		if (!d->bus_open) {
			return;
		}
	}
	for (int i = 0; i < DRAIN_MAX; i++) {
		const int rc = canbus_read(&d->bus, 0, &f);

		if (rc == 0) {
			note_frame(d, &f.can, demo_now());
		} else if (rc == -EAGAIN || rc == -EINTR) {
			return;
		} else if (rc != -EBADMSG) {
			canbus_close(&d->bus);
			d->bus_open = false;
			return;
		}
	}
}

/* ---- the daemon's log ---- */

static void note_line(struct demo *d, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '<' && line[1] >= '0' && line[1] <= '9' && line[2] == '>') {
		d->seen.errors += line[1] - '0' <= PRIORITY_ERR;
		line += 3;
	}
	snprintf(d->line[d->lines % DEMO_LINES], DEMO_LINE_MAX, "%s", line);
	d->lines++;
}

static void collect_log(struct demo *d)
{
	char line[DEMO_LINE_MAX];

	if (!d->log) {
		d->log = fopen(d->log_path, "re");
	}
	if (!d->log) {
		return;
	}
	clearerr(d->log);
	while (fgets(line, sizeof(line), d->log)) {
		note_line(d, line);
	}
}

/* ---- the simulator ---- */

static bool connect_control(struct demo *d)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (d->control >= 0) {
		return true;
	}
	if (strlen(d->control_path) >= sizeof(a.sun_path)) {
		return false;
	}
	memcpy(a.sun_path, d->control_path, strlen(d->control_path));
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return false;
	}
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		close(fd);
		return false;
	}
	d->control = fd;
	demo_command(d, "mark on");
	return true;
}

static void note_answer(struct demo *d, const char *line)
{
	static const char mark[] = "mark ";
	const char *last = strstr(line, "last_ns=");

	if (strncmp(line, mark, strlen(mark)) != 0) {
		snprintf(d->message, sizeof(d->message), "%.*s", (int)sizeof(d->message) - 1, line);
	} else if (last && d->seen.first_reply_ns == DEMO_NEVER) {
		d->seen.first_reply_ns = strtoll(last + strlen("last_ns="), NULL, DECIMAL_BASE);
	}
}

static void collect_control(struct demo *d)
{
	if (!connect_control(d)) {
		return;
	}
	const size_t room = sizeof(d->control_line) - 1U - d->control_len;
	const ssize_t n = read(d->control, d->control_line + d->control_len, room);

	if (n == 0 || room == 0) {
		close(d->control);
		d->control = -1;
		d->control_len = 0;
		return;
	}
	d->control_len += n > 0 ? (size_t)n : 0;
	d->control_line[d->control_len] = '\0';
	char *rest = d->control_line;

	for (char *end = NULL; (end = strchr(rest, '\n')); rest = end + 1) {
		*end = '\0';
		note_answer(d, rest);
	}
	d->control_len = strlen(rest);
	memmove(d->control_line, rest, d->control_len + 1U);
}

void demo_command(struct demo *d, const char *line)
{
	char text[DEMO_MESSAGE];
	const int n = snprintf(text, sizeof(text), "%s\n", line);

	if (d->control < 0 || write(d->control, text, (size_t)n) != n) {
		snprintf(d->message, sizeof(d->message), "the simulator does not listen");
	}
}

void demo_collect(struct demo *d)
{
	const int64_t now_ns = demo_now();

	collect_bus(d, now_ns);
	collect_stats(d, now_ns);
	collect_log(d);
	collect_control(d);
}
