/* SPDX-License-Identifier: Apache-2.0 */
/* The file with account and password. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sems_client.h"

#define OTHERS	 (S_IRWXG | S_IRWXO)
#define FILE_MAX (2U * SEMS_LOGIN_TEXT + 2U)

/* Return: number of bytes, or -errno. */
static ssize_t read_file(const char *path, bool credential, char *buf, size_t size)
{
	/* Not blocking: a FIFO has no content. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) != 0) {
		n = -errno;
	} else if (!S_ISREG(st.st_mode) || (!credential && (st.st_mode & OTHERS) != 0U)) {
		n = -EPERM;
	} else {
		n = read(fd, buf, size);
		n = n < 0 ? -errno : n;
	}
	(void)close(fd);
	return n;
}

/* Return: 0 or -errno. */
static int take_line(const char **from, const char *end, char *to)
{
	const char *newline = memchr(*from, '\n', (size_t)(end - *from));
	const char *stop = newline != NULL ? newline : end;
	size_t len = (size_t)(stop - *from);

	if (len > 0 && (*from)[len - 1U] == '\r') {
		len--;
	}
	if (len == 0 || memchr(*from, '\0', len) != NULL) {
		return -ENODATA;
	}
	if (len >= SEMS_LOGIN_TEXT) {
		return -EFBIG;
	}
	memcpy(to, *from, len);
	to[len] = '\0';
	*from = newline != NULL ? newline + 1 : end;
	return 0;
}

int sems_login_read(const char *path, bool credential, char *ret_account, char *ret_password)
{
	char file[FILE_MAX];
	char account[SEMS_LOGIN_TEXT] = "";
	char password[SEMS_LOGIN_TEXT] = "";
	const ssize_t n = path[0] != '\0' ? read_file(path, credential, file, sizeof(file))
					  : -ENOENT;
	const char *from = file;
	int r = n < 0 ? (int)n : 0;

	if (r == 0) {
		r = take_line(&from, file + n, account);
	}
	if (r == 0) {
		r = take_line(&from, file + n, password);
	}
	if (r == 0) {
		memcpy(ret_account, account, sizeof(account));
		memcpy(ret_password, password, sizeof(password));
	}
	explicit_bzero(file, sizeof(file));
	explicit_bzero(account, sizeof(account));
	explicit_bzero(password, sizeof(password));
	return r;
}
