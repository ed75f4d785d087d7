/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the simulator: one table. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "sim_args.h"
#include "sim_capture.h"

#define MARK_MAX    256
#define CELL_V_MAX  65.535
#define CURRENT_MAX 320.0
#define POWER_MAX   1e6
#define RATE_MAX    1000000
#define DRIP_MAX_MS 60000
#define RAW16_MAX   65535
#define REPEAT_MAX  8
#define UNPLUG_MAX  86400.0
#define DELAY_MAX   60.0
#define SPEED_MAX   100000.0
#define TEMP_MIN    (-40.0)
#define TEMP_MAX    140.0

/* Probe by number, or "mos". */
static int probe(struct args *a, int i)
{
	return args_is(a, i, "mos") ? 0 : args_integer(a, i, 1, SIM_PROBES - 1);
}

static void run_cell(void *owner, struct args *a)
{
	struct sim *s = owner;
	const int n = args_integer(a, 0, 1, s->battery.cells);
	const bool free_it = args_is(a, 1, "free");
	const double v = free_it ? 0 : args_number(a, 1, 0, CELL_V_MAX);

	if (!args_failed(a)) {
		s->battery.cell[n - 1].forced = !free_it;
		s->battery.cell[n - 1].forced_v = v;
	}
}

static void run_all(void *owner, struct args *a)
{
	struct sim *s = owner;
	const bool free_it = args_is(a, 0, "free");
	const double v = free_it ? 0 : args_number(a, 0, 0, CELL_V_MAX);

	for (int i = 0; i < s->battery.cells && !args_failed(a); i++) {
		s->battery.cell[i].forced = !free_it;
		s->battery.cell[i].forced_v = v;
	}
}

static void run_soc(void *owner, struct args *a)
{
	struct sim *s = owner;

	if (args_is(a, 0, "free")) {
		s->override.soc_raw = SIM_KEEP;
	} else if (args_is(a, 0, "raw") && a->count == 2) {
		args_set_int(a, 1, "free", SIM_KEEP, 0, UINT8_MAX, &s->override.soc_raw);
	} else {
		const double soc = args_number(a, 0, 0, 100);

		if (!args_failed(a)) {
			sim_battery_set_soc(&s->battery, soc);
		}
	}
}

static void run_cycles(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "free", SIM_KEEP, 0, RAW16_MAX, &s->override.cycles);
}

static void run_temp(void *owner, struct args *a)
{
	struct sim *s = owner;
	const int p = probe(a, 0);
	const bool free_it = args_is(a, 1, "free");
	const double c = free_it ? 0 : args_number(a, 1, TEMP_MIN, TEMP_MAX);

	if (args_failed(a)) {
		return;
	}
	s->battery.temp_held[p] = !free_it;
	if (!free_it) {
		s->battery.temp_c[p] = c;
	}
}

static void run_probe(void *owner, struct args *a)
{
	struct sim *s = owner;
	const int p = probe(a, 0);

	int raw = SIM_KEEP;

	if (args_is(a, 1, "raw") && a->count == 3) {
		raw = args_integer(a, 2, 0, RAW16_MAX);
	} else if (!args_is(a, 1, "free") || a->count != 2) {
		args_complain(a, "expected raw VALUE or free");
	}
	if (!args_failed(a)) {
		s->override.probe_raw[p] = raw;
	}
}

static void run_load(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_number(a, 0, POWER_MAX, &s->inverter.load_w);
}

static void run_sun(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_number(a, 0, POWER_MAX, &s->inverter.sun_w);
}

static void run_current(void *owner, struct args *a)
{
	struct sim *s = owner;
	const bool free_it = args_is(a, 0, "free");
	const double v = free_it ? 0 : args_number(a, 0, -CURRENT_MAX, CURRENT_MAX);

	if (!args_failed(a)) {
		s->current_forced = !free_it;
		s->current_a = v;
	}
}

static void run_silent(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_bool(a, 0, &s->bms.faults.silent);
}

static void run_noise(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_number(a, 0, 1, &s->bms.faults.noise);
}

static void run_badsum(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_bool(a, 0, &s->bms.faults.badsum);
}

static void run_frozen(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_bool(a, 0, &s->bms.faults.frozen);
}

static void run_truncate(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "off", -1, 0, SIM_FRAME_MAX, &s->bms.faults.truncate);
}

static void run_drip(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "off", 0, 0, DRIP_MAX_MS, &s->bms.faults.drip_ms);
}

static void run_garbage(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "off", 0, 0, RATE_MAX, &s->bms.faults.garbage_rate);
}

static void run_repeat(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "off", 1, 1, REPEAT_MAX, &s->bms.faults.repeat);
}

static void run_reply(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "off", -1, 0, DRIP_MAX_MS, &s->bms.faults.reply_ms);
}

static void run_prefix(void *owner, struct args *a)
{
	struct sim *s = owner;
	struct sim_faults *f = &s->bms.faults;

	if (args_is(a, 0, "off")) {
		f->prefix_len = 0;
	} else if (capture_parse_hex(a->word[0], strlen(a->word[0]), f->prefix, sizeof(f->prefix),
				     &f->prefix_len) != 0) {
		args_complain(a, "expected at most 64 bytes as hex digits");
	}
}

static void run_send(void *owner, struct args *a)
{
	struct sim *s = owner;
	uint8_t data[SIM_LINE_MAX];
	size_t len = 0;

	if (capture_parse_hex(a->word[0], strlen(a->word[0]), data, sizeof(data), &len) != 0) {
		args_complain(a, "expected bytes as hex digits");
		return;
	}
	sim_bms_send(&s->bms, data, len);
}

static void run_count(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "free", SIM_KEEP, 1, SIM_CELLS_MAX, &s->override.cells);
}

static void run_version(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_int(a, 0, "free", SIM_KEEP, 0, UINT8_MAX, &s->override.version);
}

static void run_alarm(void *owner, struct args *a)
{
	struct sim *s = owner;
	const int bits = args_integer(a, 0, 0, RAW16_MAX);

	s->override.alarms = args_failed(a) ? s->override.alarms : (uint16_t)bits;
}

static void run_mos(void *owner, struct args *a)
{
	struct sim *s = owner;
	const bool charge = args_is(a, 0, "charge");

	if (!charge && !args_is(a, 0, "discharge")) {
		args_complain(a, "expected charge or discharge");
	}
	const bool on = args_on_off(a, 1);

	if (!args_failed(a)) {
		s->battery.mos_forced_off[charge ? 0 : 1] = !on;
		/* Zero time: the effect is in the next reply, not only after the next step. */
		s->battery.mos_on[charge ? 0 : 1] = on;
	}
}

static void run_unplug(void *owner, struct args *a)
{
	struct sim *s = owner;
	const double seconds = args_number(a, 0, 0, UNPLUG_MAX);

	if (!args_failed(a)) {
		sim_bms_unplug(&s->bms, sim_now(), seconds);
	}
}

static void run_inverter(void *owner, struct args *a)
{
	struct sim *s = owner;
	struct sim_inverter *v = &s->inverter;

	if (args_is(a, 0, "obey") && a->count == 1) {
		v->disobey = false;
	} else if (args_is(a, 0, "disobey") && a->count == 3) {
		const double c = args_number(a, 1, 0, CURRENT_MAX);
		const double d = args_number(a, 2, 0, CURRENT_MAX);

		if (!args_failed(a)) {
			v->disobey = true;
			v->charge_a = c;
			v->discharge_a = d;
		}
	} else if (args_is(a, 0, "silent") && a->count == 2) {
		args_set_bool(a, 1, &v->silent);
	} else if (args_is(a, 0, "alive") && a->count == 2) {
		args_set_bool(a, 1, &v->alive);
	} else if (args_is(a, 0, "delay") && a->count == 2) {
		args_set_number(a, 1, DELAY_MAX, &v->delay_s);
	} else if (args_is(a, 0, "max") && a->count == 2) {
		args_set_number(a, 1, CURRENT_MAX, &v->max_a);
	} else if (args_is(a, 0, "timeout") && a->count == 2) {
		args_set_number(a, 1, UNPLUG_MAX, &v->timeout_s);
	} else {
		args_complain(a, "not understood");
	}
}

static void run_speed(void *owner, struct args *a)
{
	struct sim *s = owner;

	args_set_number(a, 0, SPEED_MAX, &s->speed);
}

static void run_mark(void *owner, struct args *a)
{
	struct sim *s = owner;

	if (a->count == 0) {
		char text[MARK_MAX];

		sim_mark_text(&s->bms.mark, text, sizeof(text));
		snprintf(a->reply, SIM_REPLY_MAX, "ok %s", text);
	} else if (!a->client) {
		args_complain(a, "a script cannot listen");
	} else {
		a->client->marks = args_on_off(a, 0);
	}
}

static void run_status(void *owner, struct args *a)
{
	struct sim *s = owner;

	sim_status(s, a->reply);
}

static void run_heal(void *owner, struct args *a)
{
	struct sim *s = owner;

	(void)a;
	sim_heal(s);
}

static void run_quit(void *owner, struct args *a)
{
	struct sim *s = owner;

	(void)a;
	s->quit = true;
}

static const struct sim_command commands[] = {
	{"cell", 2, 2, run_cell, "cell N VOLT|free", "force the voltage of a cell"},
	{"all", 1, 1, run_all, "all VOLT|free", "force the voltage of all cells"},
	{"soc", 1, 2, run_soc, "soc PERCENT | soc raw N | soc free",
	 "charge of the cells, or only what is reported"},
	{"cycles", 1, 1, run_cycles, "cycles N|free", "number of cycles reported"},
	{"temp", 2, 2, run_temp, "temp 1|2|mos CELSIUS|free", "hold a temperature"},
	{"probe", 2, 3, run_probe, "probe 1|2|mos raw N | free", "raw value of a sensor"},
	{"load", 1, 1, run_load, "load WATT", "consumption behind the inverter"},
	{"sun", 1, 1, run_sun, "sun WATT", "production at the inverter"},
	{"current", 1, 1, run_current, "current AMPERE|free", "force the battery current"},
	{"silent", 1, 1, run_silent, "silent on|off", "the BMS does not answer"},
	{"noise", 1, 1, run_noise, "noise P", "damage each byte with this probability"},
	{"badsum", 1, 1, run_badsum, "badsum on|off", "wrong sum"},
	{"truncate", 1, 1, run_truncate, "truncate N|off", "replies end after N bytes"},
	{"drip", 1, 1, run_drip, "drip MS|off", "one byte every MS milliseconds"},
	{"garbage", 1, 1, run_garbage, "garbage RATE|off", "random bytes per second, for ever"},
	{"repeat", 1, 1, run_repeat, "repeat N|off", "N replies to one request"},
	{"reply", 1, 1, run_reply, "reply MS|off", "delay of the reply"},
	{"prefix", 1, 1, run_prefix, "prefix HEX|off", "bytes in front of each reply"},
	{"send", 1, 1, run_send, "send HEX", "bytes on the line now"},
	{"frozen", 1, 1, run_frozen, "frozen on|off", "repeat the last reply"},
	{"count", 1, 1, run_count, "count N|free", "report N cells"},
	{"version", 1, 1, run_version, "version N|free", "register C0: encoding of the current"},
	{"alarm", 1, 1, run_alarm, "alarm BITS", "set alarm bits; 0 = only the model's own"},
	{"mos", 2, 2, run_mos, "mos charge|discharge on|off", "open or release a MOSFET"},
	{"unplug", 1, 1, run_unplug, "unplug SECONDS", "the serial adapter vanishes for a while"},
	{"inverter", 1, 3, run_inverter,
	 "inverter obey | disobey CHARGE_A DISCHARGE_A | silent on|off | alive on|off | delay S | "
	 "max A | timeout S",
	 "behaviour of the inverter"},
	{"speed", 1, 1, run_speed, "speed X", "model seconds per second"},
	{"heal", 0, 0, run_heal, "heal", "end all faults"},
	{"mark", 0, 1, run_mark, "mark [on|off]", "times of the last reply, or of each one"},
	{"status", 0, 0, run_status, "status", "state as one JSON line"},
	{"quit", 0, 0, run_quit, "quit", "end"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void sim_command_help(void)
{
	sim_commands_help(commands, COMMANDS);
}

void sim_command(void *owner, struct sim_client *client, char *line, char ret_reply[SIM_REPLY_MAX])
{
	sim_commands_run(commands, COMMANDS, owner, client, line, ret_reply);
}
