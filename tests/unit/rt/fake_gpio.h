/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPIO chips of the test in the place of libgpiod: fake_gpiod1.c and fake_gpiod2.c stand for the
 * functions of the version that is installed, put there by the linker (--wrap). Both work on this
 * one model, so the test itself does not know versions. One line at a time is requested.
 */
#ifndef JKP_TEST_FAKE_GPIO_H
#define JKP_TEST_FAKE_GPIO_H

#include <stdbool.h>
#include <stddef.h>

#define FAKE_CHIPS 6
#define FAKE_NEVER 1000
#define FAKE_TRACE 16

struct fake_chip {
	const char *path;
	const char *label;
	unsigned int lines;
	int open_error;
};

struct fake_gpio {
	struct fake_chip chips[FAKE_CHIPS];

	/* faults: errno values; 0 = none */
	int request_error;
	int set_error;
	int get_error;
	const char *holder; /* who has the line; NULL = nobody */
	int fail_at;	    /* the call number N that may fail does, with fail_errno */
	int fail_errno;

	/* the line */
	int level;		/* of the voltage, 0 or 1 */
	char trace[FAKE_TRACE]; /* levels of the voltage since the beginning, '0' and '1' */
	bool held;
	bool output;
	bool active_low;
	unsigned int offset;
	const struct fake_chip *chip;
	char consumer[32];

	/* what the library has handed out and did not get back */
	int chips_open;
	int objects;
	unsigned int calls; /* of set and get */
};

extern struct fake_gpio fake;

/* The next call fails: true and errno. */
bool fake_fails(void);

/* Chip by path, or NULL and errno. */
const struct fake_chip *fake_find(const char *path);

/* The kernel's side: 0, or -1 and errno. */
int fake_request(const struct fake_chip *chip, unsigned int offset, bool output, bool active_low,
		 bool value, const char *consumer);
void fake_release(void);
int fake_set(bool active);
int fake_get(void);

#endif
