/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on stderr that never block. */
#include "rt/shared_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVEL_MAX 7
/* "<N>" in front, newline behind. */
#define FRAME_SIZE 4U

/* stderr is one per process, and so is this. */
static struct {
	int fd;
	bool is_socket;
	bool poll_first;
} output = {.fd = STDERR_FILENO, .poll_first = true};
static _Atomic uint32_t dropped;

/* A descriptor of 0..2 that is closed would become that of the first device: stderr the BMS. */
static void fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0) {
		(void)close(fd);
	}
}

void shared_log_init(void)
{
	struct stat st;

	fill_standard_fds();
	if (fstat(STDERR_FILENO, &st) != 0) {
		return;
	}
	output.is_socket = S_ISSOCK(st.st_mode);
	output.poll_first = false;
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) {
		return;
	}
	const int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		output.fd = fd;
		return;
	}
	/* A pipe that may not be opened anew was made for us: the flag harms nobody else. */
	if (S_ISFIFO(st.st_mode)) {
		const int flags = fcntl(STDERR_FILENO, F_GETFL);

		if (flags >= 0 && fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK) == 0) {
			return;
		}
	}
	output.poll_first = true;
}

static ssize_t put(const char *line, size_t len)
{
	if (output.is_socket) {
		return send(output.fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (output.poll_first) {
		struct pollfd p = {.fd = output.fd, .events = POLLOUT};

		if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0) {
			errno = EAGAIN;
			return -1;
		}
	}
	return write(output.fd, line, len);
}

int shared_log_write(int level, const char *text)
{
	char line[SHARED_LOG_MAX];
	size_t len = FRAME_SIZE - 1U;

	line[0] = '<';
	line[1] = (char)('0' + (level < 0 ? 0 : (level > LEVEL_MAX ? LEVEL_MAX : level)));
	line[2] = '>';
	for (; *text != '\0' && len < sizeof(line) - 1U; text++) {
		const unsigned char c = (unsigned char)*text;

		line[len++] = (c < ' ' || c == '\x7f') ? '?' : (char)c;
	}
	line[len++] = '\n';

	ssize_t n = put(line, len);

	if (n < 0 && errno == EINTR) {
		n = put(line, len);
	}
	if (n == (ssize_t)len) {
		return 0;
	}
	const int error = n < 0 ? errno : EAGAIN;

	atomic_fetch_add_explicit(&dropped, 1U, memory_order_relaxed);
	return -error;
}

void shared_log(int level, const char *format, ...)
{
	char text[SHARED_LOG_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)shared_log_write(level, text);
}

uint32_t shared_log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}
