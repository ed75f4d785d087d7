/* SPDX-License-Identifier: Apache-2.0 */
/* A digital line: what the specification means, which GPIO chip it is, and what went wrong. */
#include "rt/line.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/remedy.h"
#include "line_file.h"
#include "line_gpio.h"
#include "report.h"

#define NONE	     "none"
#define FILE_PREFIX  "file:"
#define ACTIVE_LOW   ":active-low"
#define DEV_PREFIX   "/dev/"
#define CHIP_PREFIX  "gpiochip"
#define DIGITS	     "0123456789"
#define CHIP_MAX     256 /* of a chip's name or path, NUL included */
#define OFFSET_CHARS 4U

/* A specification in its parts. */
struct target {
	enum line_kind kind;
	bool active_low;
	unsigned int offset;
	const char *path; /* of a file */
	char chip[CHIP_MAX];
};

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ---- specification --------------------------------------------------------------------------- */

static bool parse_gpio(const char *spec, struct target *t)
{
	const size_t chip = strcspn(spec, ":");
	const char *line = spec[chip] == ':' ? spec + chip + 1 : "";
	const size_t digits = strspn(line, DIGITS);

	/* A number alone is no chip. */
	if (chip == 0 || chip >= sizeof(t->chip) || strspn(spec, DIGITS) == chip ||
	    spec[chip - 1] == '/' || digits == 0 || digits > OFFSET_CHARS ||
	    (line[digits] != '\0' && strcmp(line + digits, ACTIVE_LOW) != 0)) {
		return false;
	}
	memcpy(t->chip, spec, chip);
	t->chip[chip] = '\0';
	t->offset = 0;
	for (size_t i = 0; i < digits; i++) {
		t->offset = t->offset * 10U + (unsigned int)(line[i] - '0');
	}
	t->active_low = line[digits] != '\0';
	t->kind = LINE_GPIO;
	return true;
}

static bool parse(const char *spec, struct target *t)
{
	if (strcmp(spec, NONE) == 0) {
		t->kind = LINE_NONE;
		return true;
	}
	if (has_prefix(spec, FILE_PREFIX)) {
		t->kind = LINE_FILE;
		t->path = spec + strlen(FILE_PREFIX);
		return t->path[0] == '/' && t->path[strlen(t->path) - 1] != '/';
	}
	return parse_gpio(spec, t);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int say_file(const struct report *r, int result)
{
	switch (-result) {
	case ENOENT:
	case ENOTDIR:
		return report_say(
			r, -ENOENT,
			"no such file: check the path, and that the driver that brings it is "
			"loaded (LEDs: ls /sys/class/leds)");
	case EACCES:
	case EPERM:
		return report_say(
			r, -EACCES,
			"permission denied: the daemon's user must be allowed to use it (ls -l; "
			"an LED's brightness belongs to root until a udev rule changes that)");
	case EROFS:
		return report_say(r, result,
				  "read-only file system: a service that may not write there needs "
				  "ReadWritePaths= with its folder (systemctl edit jkpylond)");
	case EBUSY:
	case EWOULDBLOCK:
		return report_say(r, -EBUSY,
				  "in use by another program, a second jkpylond perhaps: stop it "
				  "(fuser -v shows it)");
	case EINVAL:
	case EISDIR:
		return report_say(r, -EINVAL,
				  "neither a plain file nor a file of sysfs that takes 0 and 1: "
				  "give an LED's brightness, for example");
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return report_say(r, result, "%s: %s", strerror(-result), remedy_of(-result));
	default:
		return report_say(r, result, "%s: check the device", strerror(-result));
	}
}

/* ---- chips ----------------------------------------------------------------------------------- */

static bool is_chip_name(const char *name)
{
	const char *number = name + strlen(CHIP_PREFIX);

	return has_prefix(name, CHIP_PREFIX) && *number != '\0' &&
	       number[strspn(number, DIGITS)] == '\0';
}

/* Open one of /dev/gpiochip*; keep it in c if it has the label. Return: 0 or -errno. */
static int try_label(const char *name, const char *label, struct line_chip *c)
{
	struct line_chip candidate = {.handle = NULL};
	char path[NAME_MAX + sizeof(DEV_PREFIX)];
	int result;

	(void)snprintf(path, sizeof(path), DEV_PREFIX "%s", name);
	result = line_chip_open(path, &candidate);
	if (result < 0) {
		return result;
	}
	if (strcmp(candidate.label, label) != 0) {
		line_chip_close(&candidate);
		return 0;
	}
	if (c->handle != NULL) {
		line_chip_close(&candidate);
		return -ENOTUNIQ;
	}
	*c = candidate;
	return 0;
}

/*
 * libgpiod 1.6 takes the first chip that has the label, and gives up when one of the others may not
 * be opened; libgpiod 2 does not look for labels. The wrong one of two equal expanders is the wrong
 * relay: two with this label are an error. Links are second names (gpiochip4 of a Raspberry Pi 5).
 */
static int find_label(const char *label, struct line_chip *c)
{
	DIR *dir = opendir(DEV_PREFIX);
	const struct dirent *entry;
	int trouble = -ENOENT;
	int result = 0;

	if (dir == NULL) {
		return -errno;
	}
	while (result != -ENOTUNIQ && (entry = readdir(dir)) != NULL) {
		if (is_chip_name(entry->d_name) && entry->d_type != DT_LNK) {
			result = try_label(entry->d_name, label, c);
			trouble = result < 0 ? result : trouble;
		}
	}
	(void)closedir(dir);
	if (result == -ENOTUNIQ) {
		line_chip_close(c);
		return result;
	}
	/* A chip that may not be opened matters only if it may be the one. */
	return c->handle != NULL ? 0 : trouble;
}

static int find_chip(const char *name, struct line_chip *c)
{
	char path[CHIP_MAX + sizeof(DEV_PREFIX)];

	if (name[0] == '/') {
		return line_chip_open(name, c);
	}
	if (is_chip_name(name)) {
		(void)snprintf(path, sizeof(path), DEV_PREFIX "%s", name);
		return line_chip_open(path, c);
	}
	return find_label(name, c);
}

static int say_chip(const struct report *r, const char *chip, int result)
{
	switch (-result) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
	case ENOTTY:
		return report_say(r, -ENOENT, "there is no GPIO chip \"%s\": gpiodetect lists them",
				  chip);
	case EACCES:
	case EPERM:
		return report_say(
			r, -EACCES,
			"permission denied: the daemon's user must be in the group of the device "
			"(ls -l /dev/gpiochip*), which the package's udev rule sets to gpio");
	case ENOTUNIQ:
		return report_say(r, result,
				  "several chips are labelled \"%s\": name the device, for "
				  "example gpiochip0 (gpiodetect lists them)",
				  chip);
	default:
		return report_say(r, result, "the GPIO chip cannot be opened: %s",
				  strerror(-result));
	}
}

static int say_request(const struct report *r, const char *consumer, int result)
{
	switch (-result) {
	case EBUSY:
		if (consumer[0] == '\0') {
			return report_say(r, result,
					  "the line is in use, by the kernel or another program: "
					  "free it or take another one (gpioinfo lists them)");
		}
		return report_say(r, result,
				  "the line is in use by \"%s\": stop that, or take another line "
				  "(gpioinfo lists them)",
				  consumer);
	case EACCES:
	case EPERM:
		return report_say(r, -EACCES,
				  "the kernel does not permit the use of this line: take another "
				  "one (gpioinfo lists them)");
	default:
		return report_say(r, result, "the line cannot be had: %s", strerror(-result));
	}
}

static int open_gpio(struct line *l, const struct target *t, const struct report *r)
{
	struct line_chip chip = {.handle = NULL};
	char consumer[LINE_NAME_MAX];
	int result = find_chip(t->chip, &chip);

	if (result < 0) {
		return say_chip(r, t->chip, result);
	}
	if (t->offset >= chip.lines) {
		result = report_say(r, -ERANGE,
				    "the chip has %u lines, counted from 0 (gpioinfo lists them)",
				    chip.lines);
	} else {
		result = line_gpio_request(l, &chip, t->offset, t->active_low, consumer);
		if (result < 0) {
			(void)say_request(r, consumer, result);
			result = result == -EPERM ? -EACCES : result;
		}
	}
	line_chip_close(&chip);
	return result;
}

/* ---- the line -------------------------------------------------------------------------------- */

int line_open(struct line *l, const char *spec, enum line_direction direction, char *error,
	      size_t size)
{
	const struct report r = {.subject = spec, .text = error, .size = size};
	struct target t = {.kind = LINE_CLOSED};
	int result = 0;

	*l = (struct line){.kind = LINE_CLOSED, .direction = direction, .fd = -1};
	if (!parse(spec, &t)) {
		return report_say(&r, -EINVAL,
				  "CHIP:LINE, CHIP:LINE:active-low, file:PATH or none is needed, "
				  "for example gpiochip0:17");
	}
	if (t.kind == LINE_FILE) {
		result = line_file_open(t.path, direction);
		if (result < 0) {
			return say_file(&r, result);
		}
		l->fd = result;
	} else if (t.kind == LINE_GPIO) {
		result = open_gpio(l, &t, &r);
		if (result < 0) {
			return result;
		}
	}
	l->kind = t.kind;
	return 0;
}

int line_set(struct line *l, bool active)
{
	if (l->kind == LINE_CLOSED) {
		return -EBADF;
	}
	if (l->kind == LINE_NONE) {
		return 0;
	}
	if (l->direction != LINE_OUTPUT) {
		return -EPERM;
	}
	return l->kind == LINE_FILE ? line_file_set(l->fd, active) : line_gpio_set(l, active);
}

int line_get(const struct line *l)
{
	switch (l->kind) {
	case LINE_NONE:
		return 0;
	case LINE_FILE:
		return line_file_get(l->fd);
	case LINE_GPIO:
		return line_gpio_get(l);
	case LINE_CLOSED:
	default:
		return -EBADF;
	}
}

void line_close(struct line *l)
{
	if (l->kind == LINE_FILE) {
		line_file_close(l->fd);
	} else if (l->kind == LINE_GPIO) {
		line_gpio_release(l);
	}
	l->kind = LINE_CLOSED;
	l->fd = -1;
}

bool line_is_open(const struct line *l)
{
	return l->kind != LINE_CLOSED;
}

int line_open_once(const char *spec, char *error, size_t size)
{
	struct line l;
	const int result = line_open(&l, spec, LINE_OUTPUT, error, size);

	/* Opening an output has made it inactive. */
	if (result == 0) {
		line_close(&l);
	}
	return result;
}
