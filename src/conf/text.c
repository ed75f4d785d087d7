/* SPDX-License-Identifier: Apache-2.0 */
/* Text buffer, and the checks of keys that hold a path or a name. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "conf_private.h"

#define UNIX_PREFIX   "unix:"
#define FILE_PREFIX   "file:"
#define DEV_PREFIX    "/dev/"
#define NONE	      "none"
#define SERIAL_DIGITS 10U
#define DECIMAL	      10U
#define LINE_DIGITS   4U   /* of a GPIO line offset */
#define HOST_MAX      253U /* of a name in the DNS */
#define USER_MAX      64U
#define ID_MAX	      64U
#define DISC_MAX      32U
#define LETTERS	      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	      "0123456789"

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

const char *conf_check_auto_file(const char *value)
{
	return strcmp(value, CONF_AUTO) == 0 || is_absolute(value)
		       ? NULL
		       : "an absolute path is needed, for example /run/jkpylon/x, or auto";
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

/* Return: false if no interface can have this name, its length aside. */
static bool is_interface(const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const size_t len = strlen(value);

	return len > 0 && strspn(value, allowed) == len && strcmp(value, ".") != 0 &&
	       strcmp(value, "..") != 0;
}

static const char *check_length(const char *value)
{
	return strlen(value) < IFNAMSIZ ? NULL : "an interface name has at most 15 characters";
}

const char *conf_check_network(const char *value)
{
	return is_interface(value)
		       ? check_length(value)
		       : "the name of a network interface is needed, for example eth0 or wlan0";
}

/* Up to 4294967295, without a sign. Return: 0 = no such number. */
static uint32_t serial_of(const char *value)
{
	const size_t len = strlen(value);
	uint64_t n = 0;

	if (len == 0 || len > SERIAL_DIGITS || strspn(value, "0123456789") != len) {
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		n = n * DECIMAL + (uint64_t)(value[i] - '0');
	}
	return n <= UINT32_MAX ? (uint32_t)n : 0U;
}

const char *conf_check_serial(const char *value)
{
	return strcmp(value, CONF_SERIAL_ANY) == 0 || serial_of(value) != 0U
		       ? NULL
		       : "the serial number of the meter is needed, as printed on it, for example "
			 "1900202586; or any, or none";
}

bool conf_sma_serial(const struct config *config, uint32_t *ret_serial)
{
	const uint32_t serial = serial_of(config->sma_serial);

	if (serial == 0U) {
		return false;
	}
	*ret_serial = serial;
	return true;
}

const char *conf_check_group(const char *value)
{
	struct in_addr address;

	return inet_pton(AF_INET, value, &address) == 1 && IN_MULTICAST(ntohl(address.s_addr))
		       ? NULL
		       : "an IPv4 multicast address is needed; that of SMA meters is 239.12.255.254";
}

const char *conf_check_interface(const char *value)
{
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
	if (!is_interface(value)) {
		return "the name of a CAN interface is needed, for example can0, or unix:PATH";
	}
	return check_length(value);
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

/* Looked up when it is used; what no name or address can be is told now. One colon leads to a port. */
const char *conf_check_host(const char *value)
{
	const char *colon = strchr(value, ':');
	const bool port = colon != NULL && strchr(colon + 1, ':') == NULL;
	const bool scope = colon == NULL && strchr(value, '%') != NULL;

	return made_of(value, LETTERS DIGITS ":._-%", HOST_MAX) &&
			       strspn(value, LETTERS DIGITS ":") > 0 && !port && !scope
		       ? NULL
		       : "a name or an address is needed, without a port (a key of its own), for "
			 "example 192.168.1.20 or house.lan";
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
