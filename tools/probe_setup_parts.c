/* SPDX-License-Identifier: Apache-2.0 */
/* The questions. Each default comes from what was found; none is about a limit of the battery. */
#include "probe_setup.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"

#define MV_PER_V 1000.0
#define TYPE_LFP 0
#define PORT_MAX 65535UL
#define NONE	 "none"

/* A number from 1 to @n. Return: 0: it is none. */
static uint32_t choice(const char *answer, uint32_t n)
{
	char *end = NULL;
	const unsigned long v = strtoul(answer, &end, 10);

	return isdigit((unsigned char)answer[0]) != 0 && *end == '\0' && v >= 1 && v <= n
		       ? (uint32_t)v
		       : 0;
}

/* What cannot be told from a comment or a quotation in the configuration. */
static bool is_plain(const char *answer)
{
	return answer[0] != '\0' && strpbrk(answer, " \t;#\"'\\=[]") == NULL;
}

static const char *is_device(const struct setup *s, char *answer, size_t size)
{
	const struct found *f = s->found;
	const uint32_t n = choice(answer, f->serials);
	char path[FOUND_PATH * 2];
	struct stat st;

	if (n > 0) {
		sys_text(answer, size, "%s", f->serial[n - 1].path);
		return NULL;
	}
	if (!is_plain(answer) || strncmp(answer, "/dev/", strlen("/dev/")) != 0) {
		return "expected one of the numbers above, or a path that begins with /dev/";
	}
	if (!sys_path(f, path, sizeof(path), "%s", answer) || stat(path, &st) != 0) {
		return "there is no such device: plug it in, or correct the name";
	}
	return S_ISCHR(st.st_mode) ? NULL : "that is no device";
}

/* Return: 0, or -ECANCELED: these defaults are not for that battery. */
static int confirm_battery(struct setup *s)
{
	const struct found_serial *d = &s->found->serial[s->bms];
	const struct jk_sample *b = &d->bms.sample;
	bool right = false;

	printf("\nThe BMS on %s says:\n"
	       "  %u cells, %.3f V; nominal capacity %" PRIu32 " Ah\n",
	       d->path, b->cells, b->pack_mv / MV_PER_V, b->capacity_ah);
	if ((b->have & JK_HAVE(JK_REG_CHARGE_OCP)) != 0 &&
	    (b->have & JK_HAVE(JK_REG_DISCHARGE_OCP)) != 0) {
		printf("  its own limits: charge %u A, discharge %u A\n", b->charge_ocp_a,
		       b->discharge_ocp_a);
	} else {
		printf("  no over-current protection of its own: nothing is charged or discharged "
		       "before\n  limits.charge_max and limits.discharge_max are written down\n");
	}
	(void)probe_remarks(b);
	if ((b->have & JK_HAVE(JK_REG_BATTERY_TYPE)) != 0 && b->battery_type != TYPE_LFP) {
		printf("The BMS is set to other cells than LFP. The defaults are for LFP cells and "
		       "would be wrong:\nwrite the configuration by hand, with the curves and levels "
		       "of your cells.\n");
		return -ECANCELED;
	}
	const int r = setup_ask_yes(s, "Are number of cells and capacity right?", true, &right);

	if (r == 0 && !right) {
		printf("Then set them in the JK app first: the daemon derives the limits from what "
		       "the BMS says.\n");
		return -ECANCELED;
	}
	return r;
}

static uint32_t show_devices(const struct found *f)
{
	uint32_t usual = 0;

	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *d = &f->serial[i];
		const char *reason = found_serial_reason(d);

		printf("  %u  %s (%s%s%s)%s%s\n", i + 1, d->path, d->name,
		       d->driver[0] != '\0' ? ", " : "", d->driver, reason != NULL ? ": " : "",
		       reason != NULL ? reason : "");
		usual = usual == 0 && reason == NULL ? i + 1 : usual;
	}
	return usual;
}

int setup_ask_bms(struct setup *s, bool consent)
{
	struct found *f = s->found;
	char usual[FOUND_NAME] = "";
	uint32_t number = 0;
	int r = 0;

	s->bms = FOUND_UNKNOWN;
	printf("\n--- BMS ---\n");
	if (f->serials == 0) {
		printf("No serial device is there. Plug the adapter in and begin again, or give its "
		       "path.\n");
	}
	number = show_devices(f);
	if (number > 0 && !consent) {
		r = setup_ask_yes(
			s,
			"Ask for a BMS on those that are free? This writes the 21 bytes "
			"that ask a JK BMS\nfor its values; do not, if something else may be "
			"harmed by them",
			false, &consent);
	}
	if (r == 0 && number > 0 && consent) {
		found_ask_bms(f, true);
		for (uint32_t i = 0; i < f->serials && s->bms == FOUND_UNKNOWN; i++) {
			if (f->serial[i].asked && f->serial[i].verdict == PROBE_GOOD) {
				s->bms = (int32_t)i;
				number = i + 1;
			} else if (f->serial[i].asked) {
				printf("  %s: %s\n      next: %s\n", f->serial[i].path,
				       f->serial[i].bms.words, f->serial[i].bms.next);
			}
		}
		if (s->bms == FOUND_UNKNOWN) {
			printf("No BMS answers. You may go on, and mend that later.\n");
		}
	}
	if (r == 0 && s->bms != FOUND_UNKNOWN) {
		r = confirm_battery(s);
	}
	if (r != 0) {
		return r;
	}
	sys_text(usual, sizeof(usual), "%u", number);
	return setup_ask(s, "Device of the BMS (number or path)", number > 0 ? usual : NULL,
			 is_device, s->device, sizeof(s->device));
}

static const char *is_can(const struct setup *s, char *answer, size_t size)
{
	const struct found *f = s->found;
	const uint32_t n = choice(answer, f->cans);

	if (n > 0) {
		sys_text(answer, size, "%s", f->can[n - 1].name);
		return NULL;
	}
	if (!is_plain(answer) || strlen(answer) >= IF_NAMESIZE || strchr(answer, '/') != NULL ||
	    strchr(answer, ':') != NULL) {
		return "expected one of the numbers above, or the name of an interface such as can0";
	}
	for (uint32_t i = 0; i < f->cans; i++) {
		if (strcmp(f->can[i].name, answer) == 0) {
			return NULL;
		}
	}
	/* The board may not have its overlay yet: only the name that it will get is accepted. */
	if (f->cans == 0 && strncmp(answer, "can", strlen("can")) == 0) {
		return NULL;
	}
	return f->cans == 0 ? "names of CAN interfaces begin with can"
			    : "there is no CAN interface of that name";
}

int setup_ask_can(struct setup *s)
{
	const struct found *f = s->found;
	char usual[FOUND_NAME] = "can0";
	bool real = false;
	int r = 0;

	printf("\n--- CAN ---\n");
	for (uint32_t i = 0; i < f->cans; i++) {
		const struct found_can *c = &f->can[i];

		printf("  %u  %s (%s)%s\n", i + 1, c->name, c->virtual_ ? "virtual" : c->driver,
		       c->alive ? ": an inverter speaks there" : "");
		if (!real && !c->virtual_) {
			sys_text(usual, sizeof(usual), "%u", i + 1);
			real = true;
		}
	}
	if (f->cans == 0) {
		printf("There is none yet; the daemon does not start before there is. The first one of "
		       "a HAT is can0.\n");
	} else if (!real) {
		sys_text(usual, sizeof(usual), "1");
	}
	r = setup_ask(s, "Interface that leads to the inverter (number or name)", usual, is_can,
		      s->can, sizeof(s->can));
	if (r != 0) {
		return r;
	}
	return setup_ask_yes(
		s,
		"Shall the daemon set the bit rate (500000) and bring it up? n: something "
		"else does,\nfor example systemd-networkd",
		true, &s->manage);
}

static const struct found_chip *chip_of(const struct found *f, const char *name, size_t len,
					uint32_t *ret_same)
{
	const struct found_chip *found = NULL;

	*ret_same = 0;
	for (uint32_t i = 0; i < f->chips; i++) {
		const struct found_chip *c = &f->chip[i];

		if (strlen(c->name) == len && strncmp(c->name, name, len) == 0) {
			*ret_same = 1;
			return c;
		}
		if (strlen(c->list.label) == len && strncmp(c->list.label, name, len) == 0) {
			found = c;
			(*ret_same)++;
		}
	}
	return found;
}

/* Numbers of chips change with the kernel, labels do not: the label, if only this chip has it. */
static const char *is_line(const struct setup *s, char *answer, size_t size)
{
	const struct found *f = s->found;
	const char *colon = strrchr(answer, ':');
	const struct found_chip *c = NULL;
	char *end = NULL;
	uint32_t same = 0;
	uint32_t labels = 0;

	if (colon == NULL || !is_plain(answer) || isdigit((unsigned char)colon[1]) == 0) {
		return "expected CHIP:LINE, such as gpiochip0:17";
	}
	const unsigned long line = strtoul(colon + 1, &end, 10);

	if (*end != '\0') {
		return "expected CHIP:LINE, such as gpiochip0:17";
	}
	c = chip_of(f, answer, (size_t)(colon - answer), &same);
	if (c == NULL) {
		return "there is no such chip";
	}
	if (same > 1) {
		return "several chips have that label: give the name, gpiochipN";
	}
	if (line >= c->list.lines) {
		return "the chip has no such line";
	}
	if (line < LINE_LIST_MAX && c->list.line[line].used) {
		return "somebody uses that line already: jkpylon-probe all shows who";
	}
	(void)chip_of(f, c->list.label, strlen(c->list.label), &labels);
	const bool by_label = labels == 1 && is_plain(c->list.label) &&
			      strchr(c->list.label, ':') == NULL;

	sys_text(answer, size, "%s:%lu", by_label ? c->list.label : c->name, line);
	return NULL;
}

static const char *is_mode(const struct setup *s, char *answer, size_t size)
{
	(void)s;
	(void)size;
	return strcmp(answer, "level") == 0 || strcmp(answer, "pulse") == 0
		       ? NULL
		       : "please answer level or pulse";
}

int setup_ask_relay(struct setup *s)
{
	char line[FOUND_NAME];
	char mode[FOUND_NAME];
	bool relay = false;
	bool high = true;
	int r = 0;

	sys_text(s->relay, sizeof(s->relay), NONE);
	printf("\n--- Relay ---\n");
	if (s->found->chips == 0) {
		printf("No GPIO chip is there: no relay. Only the BMS itself disconnects the "
		       "battery.\n");
		return 0;
	}
	for (uint32_t i = 0; i < s->found->chips; i++) {
		const struct found_chip *c = &s->found->chip[i];

		printf("  %s [%s], %u lines\n", c->name, c->list.label, c->list.lines);
	}
	r = setup_ask_yes(s,
			  "Is there a relay that disconnects the battery when this daemon stops?\n"
			  "Without one only the BMS itself does",
			  false, &relay);
	if (r != 0 || !relay) {
		return r;
	}
	r = setup_ask(s, "Its line, CHIP:LINE (gpiochip0:17 is GPIO17 of a Raspberry Pi 1 to 4)",
		      NULL, is_line, line, sizeof(line));
	if (r == 0) {
		r = setup_ask_yes(
			s,
			"Is the relay closed (battery connected) while the line is high? n: "
			"while it is low.\nA relay that closes by itself when the board is "
			"off is wrong either way",
			true, &high);
	}
	if (r == 0) {
		r = setup_ask(s,
			      "level: the line stays active; pulse: it toggles, and an external "
			      "monostable holds the relay",
			      "level", is_mode, mode, sizeof(mode));
	}
	if (r == 0) {
		sys_text(s->relay, sizeof(s->relay), "%s%s", line, high ? "" : ":active-low");
		s->pulse = strcmp(mode, "pulse") == 0;
	}
	return r;
}

int setup_ask_watchdog(struct setup *s)
{
	const struct found_dog *free_dog = NULL;
	char question[FOUND_PATH];
	bool use = false;
	int r = 0;

	sys_text(s->watchdog, sizeof(s->watchdog), NONE);
	printf("\n--- Watchdog ---\n");
	for (uint32_t i = 0; i < s->found->dogs; i++) {
		const struct found_dog *d = &s->found->dog[i];

		printf("  /dev/%s (%s)%s\n", d->name, d->identity,
		       d->active ? ": in use already, left alone" : "");
		free_dog = free_dog == NULL && !d->active ? d : free_dog;
	}
	if (free_dog == NULL) {
		printf("%s\n", s->found->dogs == 0 ? "There is none." : "None is free.");
		return 0;
	}
	sys_text(question, sizeof(question),
		 "Shall /dev/%s restart this machine if the daemon or the kernel stands still?\n"
		 "Not together with RuntimeWatchdogSec of systemd",
		 free_dog->name);
	r = setup_ask_yes(s, question, false, &use);
	if (r == 0 && use) {
		sys_text(s->watchdog, sizeof(s->watchdog), "/dev/%.32s", free_dog->name);
	}
	return r;
}

static const char *is_host(const struct setup *s, char *answer, size_t size)
{
	(void)s;
	(void)size;
	return is_plain(answer) && strchr(answer, '/') == NULL
		       ? NULL
		       : "expected a name or an address, without port and without mqtt://, or none";
}

static const char *is_port(const struct setup *s, char *answer, size_t size)
{
	char *end = NULL;
	const unsigned long v = strtoul(answer, &end, 10);

	(void)s;
	(void)size;
	return isdigit((unsigned char)answer[0]) != 0 && *end == '\0' && v >= 1 && v <= PORT_MAX
		       ? NULL
		       : "expected a number from 1 to 65535";
}

static const char *is_user(const struct setup *s, char *answer, size_t size)
{
	(void)s;
	(void)size;
	return is_plain(answer) ? NULL
				: "expected a name without spaces, quotes and brackets, or none";
}

/* The password itself is never asked for: it would stand in a file that all may read. */
static const char *is_secret_file(const struct setup *s, char *answer, size_t size)
{
	char path[FOUND_PATH * 2];
	struct stat st;

	(void)size;
	if (strcmp(answer, NONE) == 0) {
		return NULL;
	}
	if (!is_plain(answer) || answer[0] != '/') {
		return "expected the absolute path of a file, or none; not the password";
	}
	if (!sys_path(s->found, path, sizeof(path), "%s", answer) || stat(path, &st) != 0) {
		return "there is no such file; make it in another terminal: sudo install -m 640 -g "
		       "jkpylon /dev/stdin FILE";
	}
	return (st.st_mode & (mode_t)S_IRWXO) == 0U
		       ? NULL
		       : "others may read that file: sudo chmod o= FILE";
}

int setup_ask_mqtt(struct setup *s)
{
	int r = 0;

	printf("\n--- MQTT ---\n");
	if (s->found->host.broker_listens) {
		printf("A broker listens on this machine: localhost\n");
	}
	r = setup_ask(s, "Broker for telemetry and Home Assistant (name or address, or none)", NONE,
		      is_host, s->mqtt_host, sizeof(s->mqtt_host));
	if (r != 0) {
		return r;
	}
	if (strcmp(s->mqtt_host, NONE) == 0) {
		s->mqtt_host[0] = '\0';
		return 0;
	}
	r = setup_ask(s, "Its port", "1883", is_port, s->mqtt_port, sizeof(s->mqtt_port));
	if (r == 0) {
		r = setup_ask(s, "User at the broker (or none)", NONE, is_user, s->mqtt_user,
			      sizeof(s->mqtt_user));
	}
	if (r != 0 || strcmp(s->mqtt_user, NONE) == 0) {
		s->mqtt_user[0] = '\0';
		return r;
	}
	r = setup_ask(s, "File with the password, nothing else in it (or none)",
		      "/etc/jkpylon/mqtt.password", is_secret_file, s->mqtt_password_file,
		      sizeof(s->mqtt_password_file));
	if (strcmp(s->mqtt_password_file, NONE) == 0) {
		s->mqtt_password_file[0] = '\0';
	}
	return r;
}
