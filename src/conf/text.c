/* SPDX-License-Identifier: Apache-2.0 */
/* Text buffer, and the checks of keys that hold a path or a name. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "conf_private.h"

#define UNIX_PREFIX "unix:"
#define FILE_PREFIX "file:"
#define DEV_PREFIX  "/dev/"
#define NONE	    "none"
#define HOST_MAX    253U
#define USER_MAX    64U
#define ID_MAX	    64U
#define DISC_MAX    32U
#define LETTERS	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	    "0123456789"
#define LINE_DIGITS 4U /* of a GPIO line offset */

void conf_text_vadd(struct conf_text *t, const char *format, va_list args)
{
	const size_t room = t->size - t->used; /* always >= 1: the NUL */
	const int n = vsnprintf(t->buf + t->used, room, format, args);

	if (n > 0) {
		t->used += (size_t)n < room ? (size_t)n : room - 1;
	}
}

void conf_text_add(struct conf_text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_text_vadd(t, format, args);
	va_end(args);
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_absolute(const char *s)
{
	const size_t len = strlen(s);

	/* A path that ends in a slash names a folder. */
	return len > 1 && s[0] == '/' && s[len - 1] != '/';
}

const char *conf_check_file(const char *value)
{
	return is_absolute(value) ? NULL : "an absolute path is needed, for example /run/jkpylon/x";
}

const char *conf_check_device(const char *value)
{
	return is_absolute(value) ? NULL
				  : "the path of a serial device is needed, for example "
				    "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0";
}

const char *conf_check_watchdog(const char *value)
{
	if (strcmp(value, NONE) == 0) {
		return NULL;
	}
	return is_absolute(value) && has_prefix(value, DEV_PREFIX)
		       ? NULL
		       : "a device is needed, for example /dev/watchdog0, or none";
}

const char *conf_check_interface(const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const size_t len = strlen(value);

	if (has_prefix(value, UNIX_PREFIX)) {
		const char *path = value + strlen(UNIX_PREFIX);

		if (!is_absolute(path)) {
			return "unix: needs an absolute path, for example unix:/run/jkpylon/bus";
		}
		if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
			return "the path is too long for a socket (at most 107 characters)";
		}
		return NULL;
	}
	if (len == 0 || strspn(value, allowed) != len || strcmp(value, ".") == 0 ||
	    strcmp(value, "..") == 0) {
		return "the name of a CAN interface is needed, for example can0, or unix:PATH";
	}
	if (len >= IFNAMSIZ) {
		return "an interface name has at most 15 characters";
	}
	return NULL;
}

/* CHIP:LINE[:active-low] with a chip like gpiochip0 or /dev/gpiochip0 */
static bool gpio_line_ok(const char *value)
{
	static const char chip_chars[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
	const size_t chip = strcspn(value, ":");
	const bool number = chip == strspn(value, "0123456789");

	if (chip == 0 || number || value[chip] != ':' || strspn(value, chip_chars) != chip ||
	    value[chip - 1] == '/') {
		return false;
	}

	const char *line = value + chip + 1;
	const size_t digits = strspn(line, "0123456789");

	if (digits == 0 || digits > LINE_DIGITS) {
		return false;
	}
	return line[digits] == '\0' || strcmp(line + digits, ":active-low") == 0;
}

const char *conf_check_relay(const char *value)
{
	if (strcmp(value, NONE) == 0) {
		return NULL;
	}
	if (has_prefix(value, FILE_PREFIX)) {
		return is_absolute(value + strlen(FILE_PREFIX))
			       ? NULL
			       : "file: needs an absolute path, for example "
				 "file:/sys/class/leds/relay/brightness";
	}
	return gpio_line_ok(value) ? NULL
				   : "CHIP:LINE, CHIP:LINE:active-low, file:PATH or none is "
				     "needed, for example gpiochip0:17";
}

const char *conf_check_state(const char *value)
{
	return strcmp(value, NONE) == 0 ? NULL : conf_check_file(value);
}

static bool made_of(const char *value, const char *allowed, size_t max)
{
	const size_t len = strlen(value);

	return len > 0 && len <= max && strspn(value, allowed) == len;
}

const char *conf_check_host(const char *value)
{
	return made_of(value, LETTERS DIGITS ".-_:%", HOST_MAX) && value[0] != '-' &&
			       value[0] != '%'
		       ? NULL
		       : "the name or address of a host is needed, for example 192.168.1.5; the port "
			 "is a key of its own";
}

const char *conf_check_user(const char *value)
{
	return made_of(value, LETTERS DIGITS "._-@:+/", USER_MAX)
		       ? NULL
		       : "1 to 64 letters, digits, . _ - @ : + / are needed, for example jkpylon";
}

const char *conf_check_client_id(const char *value)
{
	return made_of(value, LETTERS DIGITS "_-", ID_MAX) ? NULL
							   : "1 to 64 letters, digits, _ or - are "
							     "needed, for example jkpylon-cellar";
}

/* A topic to publish on: no wildcards, no empty level, none of the broker's own. */
static bool is_topic(const char *value, size_t max)
{
	return made_of(value, LETTERS DIGITS "_-./:", max) && value[0] != '/' &&
	       value[strlen(value) - 1] != '/' && strstr(value, "//") == NULL;
}

const char *conf_check_prefix(const char *value)
{
	return is_topic(value, ID_MAX) ? NULL
				       : "a topic of at most 64 letters, digits, _ - . : and / "
					 "between its levels is needed, for example jkpylon";
}

const char *conf_check_discovery_prefix(const char *value)
{
	return is_topic(value, DISC_MAX)
		       ? NULL
		       : "a topic of at most 32 letters, digits, _ - . : and / "
			 "between its levels is needed, for example homeassistant";
}
