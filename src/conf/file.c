/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the file: into a bounded buffer first, then it is judged. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/remedy.h"
#include "conf_private.h"

/* Return: bytes read, at most @size, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		const ssize_t n = read(fd, buf + used, size - used);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (n == 0) {
			break;
		}
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static int read_error(struct conf_error *ret_error, int error)
{
	const char *remedy = remedy_of(error);

	if (error == ENOENT || error == ENOTDIR || error == EISDIR) {
		remedy = "name one with --config FILE";
	} else if (error == EACCES) {
		remedy = "let the user of the daemon read it (chgrp, chmod g+r)";
	}
	ret_error->line = 0;
	(void)snprintf(ret_error->text, sizeof(ret_error->text), "cannot read the file: %s; %s",
		       strerrordesc_np(error) ? strerrordesc_np(error) : "?", remedy);
	return -error;
}

int conf_read(const char *path, struct config *ret_config, struct conf_error *ret_error)
{
	/* One byte more than allowed shows that the file is too large. */
	const size_t size = CONF_FILE_MAX + 1;
	char *buf = malloc(size);

	if (!buf) {
		return read_error(ret_error, ENOMEM);
	}

	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : 0;

	if (r == 0) {
		const ssize_t n = read_all(fd, buf, size);

		(void)close(fd);
		r = n < 0 ? (int)n : conf_parse_here(buf, (size_t)n, ret_config, ret_error);
		if (n >= 0) {
			free(buf);
			return r;
		}
	}
	free(buf);
	return read_error(ret_error, -r);
}
