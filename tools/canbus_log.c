/* SPDX-License-Identifier: Apache-2.0 */
/* A log as a bus: its lines, one after the other. */
#include "canbus_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define BAD_LINE_SHOWN	40 /* characters of a bad line in the message */

bool canbus_log_named(const char *spec)
{
	const size_t len = strlen(spec);
	const size_t suffix = strlen(LOG_SUFFIX);

	return strchr(spec, '/') != NULL || strcmp(spec, "-") == 0 ||
	       (len > suffix && strcmp(spec + len - suffix, LOG_SUFFIX) == 0) ||
	       (if_nametoindex(spec) == 0 && access(spec, F_OK) == 0);
}

int canbus_log_open(struct canbus *bus)
{
	struct stat st;

	bus->kind = CANBUS_LOG;
	if (strcmp(bus->spec, "-") == 0) {
		bus->spec = "standard input";
		bus->fd = dup(STDIN_FILENO);
	} else {
		bus->fd = open(bus->spec, O_RDONLY | O_CLOEXEC);
	}
	if (bus->fd < 0) {
		const int err = -errno;

		return canbus_why(bus, err, "%s: %s; give a log that candump wrote", bus->spec,
				  strerror(-err));
	}
	if (fstat(bus->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		return canbus_why(bus, -EISDIR, "%s: is a directory; give a log that candump wrote",
				  bus->spec);
	}
	return 0;
}

/* Lines of candump -e that say in words what the error frame above them is. */
static bool is_detail(const struct canbus *bus, const char *line)
{
	return bus->error_above && *line == '\t';
}

/* The next line of the log in bus->buf from bus->pos on; its end is cut to '\0'. */
static int next_line(struct canbus *bus, int timeout_ms, char **ret_line)
{
	for (;;) {
		char *start = bus->buf + bus->pos;
		char *end = memchr(start, '\n', bus->fill - bus->pos);
		ssize_t n;
		int err;

		if (end == NULL && bus->ended && bus->fill > bus->pos) {
			end = bus->buf + bus->fill++;
		}
		if (end != NULL) {
			*end = '\0';
			bus->pos = (size_t)(end - bus->buf) + 1;
			bus->line++;
			*ret_line = start;
			return 0;
		}
		if (bus->ended) {
			return -ENODATA;
		}
		bus->fill -= bus->pos;
		memmove(bus->buf, start, bus->fill);
		bus->pos = 0;
		if (bus->fill == sizeof(bus->buf) - 1) {
			bus->fill = 0;
			return canbus_why(bus, -EBADMSG,
					  "%s:%lu: longer than %zu characters: is this a log of "
					  "candump?",
					  bus->spec, bus->line + 1, sizeof(bus->buf) - 1);
		}
		err = canbus_wait(bus, timeout_ms);
		if (err != 0) {
			return err;
		}
		n = read(bus->fd, bus->buf + bus->fill, sizeof(bus->buf) - 1 - bus->fill);
		if (n < 0) {
			return -errno;
		}
		bus->ended = n == 0;
		bus->fill += (size_t)n;
	}
}

int canbus_log_read(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame)
{
	for (;;) {
		struct canbus_frame f = {0};
		const char *bad;
		char *line = bus->buf;
		const int err = next_line(bus, timeout_ms, &line);

		if (err == -EBADMSG || err == -EAGAIN || err == -EINTR || err == -ENODATA) {
			return err;
		}
		if (err != 0) {
			return canbus_why(bus, err, "%s: %s", bus->spec, strerror(-err));
		}
		if (bus->line == 1 &&
		    strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
			line += strlen(BYTE_ORDER_MARK);
		}
		if (is_detail(bus, line)) {
			continue;
		}
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#') {
			continue;
		}
		line[strcspn(line, "\r")] = '\0';
		bad = canbus_line_parse(line, &f);
		bus->error_above = bad == NULL && (f.can.can_id & CAN_ERR_FLAG) != 0;
		if (bad == NULL) {
			*ret_frame = f;
			return 0;
		}
		for (char *c = line; *c != '\0'; c++) { /* it may be a binary file */
			*c = isprint((unsigned char)*c) ? *c : '?';
		}
		return canbus_why(bus, -EBADMSG,
				  "%s:%lu: %s: \"%.*s\"; expected \"(12.345678) can0 351#1402\" or "
				  "\"can0  351   [2]  14 02\"",
				  bus->spec, bus->line, bad, BAD_LINE_SHOWN, line);
	}
}
