/* SPDX-License-Identifier: Apache-2.0 */
/* The question of the BMS: its device, and whether what it says of the battery is right. */
#include "probe_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MV_PER_V 1000.0
#define TYPE_LFP 0
#define DEV	 "/dev/"

static const struct found_serial *serial_of(const struct found *f, const char *path)
{
	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *d = &f->serial[i];

		if (strcmp(d->path, path) == 0 || (strncmp(path, DEV, strlen(DEV)) == 0 &&
						   strcmp(d->name, path + strlen(DEV)) == 0)) {
			return d;
		}
	}
	return NULL;
}

static const char *is_free(const struct found_serial *d)
{
	if (d->console) {
		return "that is a console of the system: jkpylon-probe all says how to free it";
	}
	return d->holder[0] != '\0'
		       ? "another program uses that: stop it and begin again, or take another one"
		       : NULL;
}

static const char *is_device(const struct setup *s, char *answer, size_t size)
{
	const struct found *f = s->found;
	const uint32_t n = setup_choice(answer, f->serials);
	char path[FOUND_PATH * 2];
	struct stat st;

	if (n > 0) {
		sys_text(answer, size, "%s", f->serial[n - 1].path);
	}
	if (serial_of(f, answer) != NULL) {
		return is_free(serial_of(f, answer));
	}
	if (!setup_is_plain(answer) || strncmp(answer, DEV, strlen(DEV)) != 0) {
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
		if (geteuid() != 0) {
			printf("Who else has them open can be seen by root only.\n");
		}
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
	r = setup_ask(s, "Device of the BMS (number or path)", number > 0 ? usual : NULL, is_device,
		      s->device, sizeof(s->device));
	/* What the one said is not what the other would say. */
	if (r == 0 && s->bms != FOUND_UNKNOWN && serial_of(f, s->device) != &f->serial[s->bms]) {
		printf("Nothing is known of a BMS there.\n");
		s->bms = FOUND_UNKNOWN;
	}
	return r;
}
