/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the simulated meter: one table. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim_args.h"
#include "sim_sma.h"

#define POWER_MAX  1e8
#define RATE_MIN   0.01
#define RATE_MAX   1000.0
#define FLOOD_MAX  1e6
#define LONGEST	   65507
#define SERIAL_MAX 4294967295.0
#define TICKER_MAX 4294967295.0
#define NS_PER_S   INT64_C(1000000000)

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void run_power(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const double v = args_number(a, 0, -POWER_MAX, POWER_MAX);

	s->power_w = args_failed(a) ? s->power_w : v;
}

static void run_rate(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const double v = args_number(a, 0, RATE_MIN, RATE_MAX);

	s->rate = args_failed(a) ? s->rate : v;
	s->due_ns = now();
}

static void run_serial(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const double v = args_number(a, 0, 1, SERIAL_MAX);

	s->meter.serial = args_failed(a) ? s->meter.serial : (uint32_t)v;
}

static void run_kind(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	if (!sim_sma_kind(a->word[0], &s->kind)) {
		args_complain(a, "expected em, hm or unicast");
	}
}

static void run_ticker(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const bool back = args_is(a, 0, "back") && a->count == 2;
	const bool freeze = args_is(a, 0, "freeze") && a->count == 2;

	if (freeze) {
		args_set_bool(a, 1, &s->frozen);
		return;
	}
	if (!back && a->count != 1) {
		args_complain(a, "expected MS, back MS, or freeze on|off");
		return;
	}
	const double v = args_number(a, back ? 1 : 0, 0, TICKER_MAX);

	if (!args_failed(a)) {
		s->ticker_ms = back ? s->ticker_ms - (uint32_t)v : (uint32_t)v;
	}
}

static void run_silent(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	args_set_bool(a, 0, &s->silent);
}

static void run_damage(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	args_set_bool(a, 0, &s->damage);
}

static void run_truncate(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	args_set_int(a, 0, "off", -1, 0, LONGEST, &s->truncate);
}

static void run_spoof(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	if (args_is(a, 0, "off") && a->count == 1) {
		s->spoof = 0;
		return;
	}
	if (a->count != 2) {
		args_complain(a, "expected SERIAL WATT or off");
		return;
	}
	const double serial = args_number(a, 0, 1, SERIAL_MAX);
	const double watt = args_number(a, 1, -POWER_MAX, POWER_MAX);

	if (!args_failed(a)) {
		s->spoof = (uint32_t)serial;
		s->spoof_w = watt;
	}
}

static void run_foreign(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const double v = args_is(a, 0, "off") ? 0 : args_number(a, 0, 0, RATE_MAX);

	s->foreign = args_failed(a) ? s->foreign : v;
}

static void run_flood(void *owner, struct args *a)
{
	struct sim_sma *s = owner;
	const double v = args_is(a, 0, "off") ? 0 : args_number(a, 0, 0, FLOOD_MAX);

	if (a->count == 2 && !args_is(a, 1, "meter")) {
		args_complain(a, "expected meter or nothing behind the number");
	}
	if (!args_failed(a)) {
		s->flood = v;
		s->flood_meter = a->count == 2;
		s->flood_ns = now();
	}
}

void sim_sma_heal(struct sim_sma *s)
{
	s->silent = false;
	s->damage = false;
	s->frozen = false;
	s->truncate = -1;
	s->spoof = 0;
	s->foreign = 0;
	s->flood = 0;
}

static void run_heal(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	(void)a;
	sim_sma_heal(s);
}

static void run_status(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	snprintf(a->reply, SIM_REPLY_MAX,
		 "{\"serial\":%u,\"kind\":\"%s\",\"power_w\":%.1f,\"rate\":%g,\"ticker_ms\":%u,"
		 "\"silent\":%s,\"flood\":%g,\"foreign\":%g,\"sent\":%u,\"sent_other\":%u,"
		 "\"refused\":%u}",
		 s->meter.serial, sim_sma_kind_name(s->kind), s->power_w, s->rate, s->ticker_ms,
		 s->silent ? "true" : "false", s->flood, s->foreign, s->sent, s->sent_other,
		 s->refused);
}

static void run_quit(void *owner, struct args *a)
{
	struct sim_sma *s = owner;

	(void)a;
	s->quit = true;
}

static const struct sim_command commands[] = {
	{"power", 1, 1, run_power, "power WATT", "at the grid connection: + import, - export"},
	{"rate", 1, 1, run_rate, "rate N", "datagrams a second"},
	{"serial", 1, 1, run_serial, "serial N", "serial number"},
	{"kind", 1, 1, run_kind, "kind em|hm|unicast", "600, 608 or 610 bytes"},
	{"ticker", 1, 2, run_ticker, "ticker MS | back MS | freeze on|off",
	 "the meter's time: set it, turn it back, stop it"},
	{"silent", 1, 1, run_silent, "silent on|off", "the meter says nothing"},
	{"damage", 1, 1, run_damage, "damage on|off", "wrong length inside"},
	{"truncate", 1, 1, run_truncate, "truncate N|off", "datagrams end after N bytes"},
	{"spoof", 1, 2, run_spoof, "spoof SERIAL WATT | off", "another datagram behind each one"},
	{"foreign", 1, 1, run_foreign, "foreign N|off", "other Speedwire datagrams a second"},
	{"flood", 1, 2, run_flood, "flood N [meter] | off",
	 "useless datagrams a second; meter: with this serial number and 65535 W"},
	{"heal", 0, 0, run_heal, "heal", "end all faults"},
	{"status", 0, 0, run_status, "status", "state as one JSON line"},
	{"quit", 0, 0, run_quit, "quit", "end"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void sim_sma_command_help(void)
{
	sim_commands_help(commands, COMMANDS);
}

void sim_sma_command(void *owner, struct sim_client *client, char *line,
		     char ret_reply[SIM_REPLY_MAX])
{
	sim_commands_run(commands, COMMANDS, owner, client, line, ret_reply);
}
