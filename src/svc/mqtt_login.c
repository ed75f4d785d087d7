/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_login.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "mqtt_link.h"

#define OTHERS (S_IRWXG | S_IRWXO)

/* Return: bytes read of a file that others cannot read, or -errno. */
static ssize_t read_secret(int fd, bool credential, char *buf, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return -errno;
	}
	if (!S_ISREG(st.st_mode) || (!credential && (st.st_mode & OTHERS) != 0U)) {
		return -EPERM;
	}
	const ssize_t n = read(fd, buf, size);

	return n >= 0 ? n : -errno;
}

/* Its first line. Return: 0; -EFBIG: that is longer than a password may be; another -errno. */
static int read_password(const struct mqtt_config *c, char *buf, size_t size)
{
	const int fd = open(c->password_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		return -errno;
	}
	const ssize_t n = read_secret(fd, c->credential, buf, size - 1U);

	(void)close(fd);
	if (n < 0) {
		return (int)n;
	}
	buf[n] = '\0';
	const size_t len = strcspn(buf, "\r\n");

	if (len >= size - 1U) {
		return -EFBIG;
	}
	buf[len] = '\0';
	return buf[0] != '\0' ? 0 : -ENODATA;
}

int mqtt_login_set(struct mqtt_link *l, const struct mqtt_config *c)
{
	char password[MQTT_PASSWORD_MAX + 1U] = ""; /* one more shows that there is more */
	int r = 0;

	if (c->user[0] == '\0') {
		return 0;
	}
	/* A credential without a service manager has no path: that is no login without a password. */
	if ((c->credential || c->password_file[0] != '\0') &&
	    read_password(c, password, sizeof(password)) != 0) {
		explicit_bzero(password, sizeof(password));
		return LINK_SECRET;
	}
	r = mosquitto_username_pw_set(l->mosq, c->user, password[0] != '\0' ? password : NULL);
	explicit_bzero(password, sizeof(password));
	return r == MOSQ_ERR_SUCCESS ? 0 : r == MOSQ_ERR_NOMEM ? -ENOMEM : -EIO;
}
