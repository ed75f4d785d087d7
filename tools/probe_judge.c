/* SPDX-License-Identifier: Apache-2.0 */
/* What of a machine is missing or in the way, each with its remedy in one line. */
#include "probe_found.h"

#include <errno.h>
#include <linux/can/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/pylon.h"

#define DAEMON	   "jkpylon"
#define LATENCY_MS 1

static void note(struct found *f, enum found_part part, bool needed, const char *next,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void note(struct found *f, enum found_part part, bool needed, const char *next,
		 const char *format, ...)
{
	va_list args;

	if (f->notes == FOUND_NOTES) {
		f->more = true;
		return;
	}
	struct found_note *n = &f->note[f->notes++];

	n->part = part;
	n->needed = needed;
	sys_text(n->next, sizeof(n->next), "%s", next);
	va_start(args, format);
	(void)vsnprintf(n->what, sizeof(n->what), format, args);
	va_end(args);
}

static bool is_ours(const struct found_serial *s)
{
	return strncmp(s->holder, DAEMON, strlen(DAEMON)) == 0;
}

/* Return: whether the daemon could use it, or does. */
static bool judge_serial(struct found *f, const struct found_serial *s)
{
	const struct found_host *h = &f->host;
	char next[FOUND_PATH];

	if (s->latency_ms > LATENCY_MS) {
		note(f, FOUND_PART_SERIAL, false,
		     h->rules[0] != '\0'
			     ? "unplug the adapter and plug it in again: the udev rule sets it"
			     : "install the udev rule 60-jkpylon.rules, which sets 1 ms",
		     "%s holds back the last bytes of a reply for %d ms", s->name, s->latency_ms);
	}
	if (s->console) {
		sys_text(next, sizeof(next),
			 "systemctl disable --now serial-getty@%.16s, take console=... out of "
			 "cmdline.txt, reboot; or use another port",
			 s->name);
		note(f, FOUND_PART_SERIAL, false, next, "%s is a console of the system", s->name);
		return false;
	}
	if (s->holder[0] != '\0' && !is_ours(s)) {
		sys_text(next, sizeof(next), "stop that program: fuser -v /dev/%.16s", s->name);
		note(f, FOUND_PART_SERIAL, false, next, "%s is in use by %s", s->name, s->holder);
		return false;
	}
	if (!s->may && s->holder[0] == '\0') {
		sys_text(next, sizeof(next),
			 "run this with sudo, or: sudo usermod -aG %.32s $USER, and log in again",
			 s->group[0] != '\0' ? s->group : "dialout");
		note(f, FOUND_PART_SERIAL, false, next,
		     "%s: no permission for you (the service has its own)", s->name);
		return h->dialout;
	}
	return true;
}

static void judge_serials(struct found *f)
{
	uint32_t asked = 0;
	uint32_t good = 0;
	uint32_t usable = 0;

	if (f->serials == 0) {
		note(f, FOUND_PART_SERIAL, true,
		     "plug in the USB adapter of the BMS (dmesg tells what arrives); the UART of a "
		     "Raspberry Pi needs enable_uart=1 in config.txt",
		     "no serial device");
		return;
	}
	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *s = &f->serial[i];

		usable += judge_serial(f, s);
		asked += s->asked;
		good += s->asked && s->verdict == PROBE_GOOD;
	}
	if (usable == 0) {
		note(f, FOUND_PART_SERIAL, true,
		     "see the notes above; or plug in an adapter for the BMS alone",
		     "no serial device is free for the BMS");
	}
	if (asked > 0 && good == 0) {
		note(f, FOUND_PART_SERIAL, true,
		     "see the line of the adapter above; more of it: jkpylon-probe bms DEVICE --hex",
		     "no BMS answers on any of the %u devices asked", asked);
	}
}

static void judge_can(struct found *f, const struct found_can *c)
{
	if (c->up && c->bitrate != 0 && c->bitrate != PYLON_BITRATE) {
		note(f, FOUND_PART_CAN, false,
		     "can.manage=yes sets it; or: ip link set NAME down; ip link set NAME up type "
		     "can bitrate 500000",
		     "%s has %u bit/s, Pylontech batteries speak 500000", c->name, c->bitrate);
	}
	if (c->up && (c->state == CAN_STATE_ERROR_PASSIVE || c->state == CAN_STATE_BUS_OFF)) {
		note(f, FOUND_PART_CAN, false,
		     "check CAN-H and CAN-L (crossed?), 120 ohms at both ends, the oscillator of an "
		     "MCP2515, and that the inverter is on",
		     "%s is %s: nobody acknowledges, or the bus is disturbed", c->name,
		     c->state == CAN_STATE_BUS_OFF ? "bus-off" : "error-passive");
	}
	if (c->listened && c->frames == 0) {
		note(f, FOUND_PART_CAN, false,
		     "many inverters speak only after they heard a battery: start jkpylond, then "
		     "jkpylon-probe can NAME",
		     "%s: no frame came within %d s", c->name, FOUND_LISTEN_S);
	}
}

static void judge_cans(struct found *f)
{
	uint32_t real = 0;

	for (uint32_t i = 0; i < f->cans; i++) {
		real += !f->can[i].virtual_;
		judge_can(f, &f->can[i]);
	}
	if (real == 0) {
		note(f, FOUND_PART_CAN, true,
		     "a HAT with an MCP2515 needs dtoverlay=mcp2515-can0,oscillator=...,interrupt=... "
		     "in config.txt and a reboot; a USB adapter must be one with a driver of Linux",
		     "%s", f->cans > 0 ? "no CAN interface but virtual ones" : "no CAN interface");
	}
}

static void judge_lines(struct found *f)
{
	if (f->chips == 0) {
		note(f, FOUND_PART_GPIO, false,
		     "without one there is no relay: failsafe.relay=none, and only the BMS "
		     "disconnects the battery",
		     "no GPIO chip");
	}
	for (uint32_t i = 0; i < f->chips; i++) {
		const struct found_chip *c = &f->chip[i];

		if (c->error != 0) {
			note(f, FOUND_PART_GPIO, false,
			     c->error == EACCES
				     ? "run this with sudo, or: sudo usermod -aG gpio $USER"
				     : "dmesg tells more",
			     "%s cannot be looked at: %s", c->name, strerror(c->error));
		}
	}
	if (f->dogs == 0) {
		note(f, FOUND_PART_WATCHDOG, false,
		     "a Raspberry Pi has one: dtparam=watchdog=on in config.txt; others: wdctl",
		     "no hardware watchdog");
	}
	for (uint32_t i = 0; i < f->dogs; i++) {
		const struct found_dog *d = &f->dog[i];

		if (d->active) {
			note(f, FOUND_PART_WATCHDOG, false,
			     "if it is systemd (RuntimeWatchdogSec in system.conf), leave "
			     "failsafe.watchdog=none: never both",
			     "%s is in use already", d->name);
		}
	}
}

static void judge_realtime(struct found *f)
{
	const struct found_host *h = &f->host;

	if (!h->realtime) {
		note(f, FOUND_PART_REALTIME, false,
		     "install the kernel of your distribution whose name has -rt in it: apt-cache "
		     "search linux-image-rt",
		     "this kernel is without PREEMPT_RT: the daemon may be some ms late at times");
	}
	if (h->governor[0] != '\0' && strcmp(h->governor, "performance") != 0) {
		note(f, FOUND_PART_REALTIME, false,
		     "cpufreq.default_governor=performance at the end of cmdline.txt",
		     "the governor %s changes the clock of the processor while the daemon works",
		     h->governor);
	}
}

static void judge_installed(struct found *f)
{
	const struct found_host *h = &f->host;

	if (h->unit[0] == '\0') {
		note(f, FOUND_PART_INSTALLED, true,
		     "install the package; from the sources: cmake --install build/release",
		     "the service jkpylond is not installed");
	}
	if (h->rules[0] == '\0') {
		note(f, FOUND_PART_INSTALLED, false, "install the package; then: udevadm trigger",
		     "the udev rule 60-jkpylon.rules is not installed");
	}
	if (!h->user) {
		note(f, FOUND_PART_INSTALLED, true,
		     "install the package; from the sources: systemd-sysusers",
		     "there is no user jkpylon");
		return;
	}
	if (!h->dialout) {
		note(f, FOUND_PART_INSTALLED, true, "sudo usermod -aG dialout jkpylon",
		     "the user jkpylon is not in the group dialout, which owns serial devices");
	}
	if (!h->gpio && f->chips > 0) {
		note(f, FOUND_PART_INSTALLED, false, "sudo usermod -aG gpio jkpylon",
		     "the user jkpylon is not in the group gpio: no relay");
	}
	if (h->config[0] == '\0') {
		note(f, FOUND_PART_INSTALLED, false, "sudo jkpylon-probe setup", "%s",
		     h->as_shipped
			     ? "the configuration is as shipped: nothing of this machine is in it"
			     : "there is no configuration");
	}
}

void found_judge(struct found *f)
{
	f->notes = 0;
	judge_serials(f);
	judge_cans(f);
	judge_lines(f);
	judge_realtime(f);
	judge_installed(f);
}

uint32_t found_missing(const struct found *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->notes; i++) {
		n += f->note[i].needed;
	}
	return n;
}
