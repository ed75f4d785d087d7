/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of CAN, relay and watchdog. */
#include "probe_setup.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE		  "none"
#define CHIP		  "gpiochip"
#define PI_CHIP		  "pinctrl-bcm" /* pinctrl-bcm2835, pinctrl-bcm2711 */
#define SPI_FIRST	  7U
#define PULLED_DOWN_FIRST 9U
#define PULLED_DOWN_LAST  27U

static const char *is_can(const struct setup *s, char *answer, size_t size)
{
	const struct found *f = s->found;
	const uint32_t n = setup_choice(answer, f->cans);

	if (n > 0) {
		sys_text(answer, size, "%s", f->can[n - 1].name);
		return NULL;
	}
	if (!setup_is_plain(answer) || strlen(answer) >= IF_NAMESIZE ||
	    strchr(answer, '/') != NULL || strchr(answer, ':') != NULL) {
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
	char link[FOUND_PATH];
	char target[FOUND_NAME];

	*ret_same = 0;
	/* A second name (gpiochip4 of a Raspberry Pi 5) is good as an answer. */
	sys_text(link, sizeof(link), "%s/%.*s", found_chip_folder(f), (int)len, name);
	sys_link(f, link, target, sizeof(target));
	if (target[0] != '\0' && strncmp(name, CHIP, strlen(CHIP)) == 0) {
		name = target;
		len = strlen(target);
	}
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

	if (colon == NULL || !setup_is_plain(answer) || isdigit((unsigned char)colon[1]) == 0) {
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
	const bool by_label = labels == 1 && setup_is_plain(c->list.label) &&
			      strchr(c->list.label, ':') == NULL;

	sys_text(answer, size, "%s:%lu", by_label ? c->list.label : c->name, line);
	return NULL;
}

/*
 * What the pins of a Raspberry Pi do before anybody has them, and what they are usually wired to: see
 * the guides relay.md and hardware.md. Other boards have other pins.
 */
static const char *pin_reason(const struct found *f, const char *line)
{
	const char *colon = strrchr(line, ':');
	uint32_t same = 0;
	const struct found_chip *c = chip_of(f, line, (size_t)(colon - line), &same);
	const unsigned long pin = strtoul(colon + 1, NULL, 10);

	if (c == NULL || (strncmp(c->list.label, PI_CHIP "28", strlen(PI_CHIP "28")) != 0 &&
			  strncmp(c->list.label, PI_CHIP "27", strlen(PI_CHIP "27")) != 0)) {
		return NULL;
	}
	if (pin < PULLED_DOWN_FIRST) {
		return pin >= SPI_FIRST
			       ? "belongs to the SPI of a CAN HAT, and starts with a pull-up"
			       : "starts with a pull-up: a relay that closes on high closes before "
				 "the daemon has the line";
	}
	if (pin > PULLED_DOWN_LAST) {
		return "is not among those of the header that start with a pull-down";
	}
	switch (pin) {
	case 9:
	case 10:
	case 11:
		return "belongs to the SPI of a CAN HAT";
	case 14:
	case 15:
		return "belongs to the UART";
	case 23:
	case 25:
		return "belongs to the interrupts of the CAN HATs";
	default:
		return NULL;
	}
}

/* Return: as setup_ask(). */
static int ask_line(const struct setup *s, char *line, size_t size)
{
	for (int i = 0; i < SETUP_TRIES; i++) {
		const char *reason = NULL;
		bool take = false;
		int r = setup_ask(
			s, "Its line, CHIP:LINE (gpiochip0:17 is GPIO17 of a Raspberry Pi 1 to 4)",
			NULL, is_line, line, size);

		if (r != 0) {
			return r;
		}
		reason = pin_reason(s->found, line);
		if (reason == NULL) {
			return 0;
		}
		printf("  note: GPIO%s %s; 17, 22 and 27 are free of that\n",
		       strrchr(line, ':') + 1, reason);
		r = setup_ask_yes(s, "Take it all the same?", false, &take);
		if (r != 0 || take) {
			return r;
		}
	}
	return -ENODATA;
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
	r = ask_line(s, line, sizeof(line));
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
	char question[FOUND_PATH * 2];
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
