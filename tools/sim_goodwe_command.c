/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the simulated GoodWe inverter: one table. */
#include "sim_goodwe.h"

#include <stdio.h>
#include <string.h>

#include "sim_args.h"

#define VOLT_MAX   6553.0
#define AMPERE_MAX 3000.0
#define WATT_MAX   30000.0
#define DELAY_MAX  60000
#define CODE_MAX   255

static const char *const families[SIM_GOODWE_FAMILIES] = {
	[SIM_GOODWE_AA55] = "aa55",
	[SIM_GOODWE_MODBUS] = "modbus",
	[SIM_GOODWE_ES_G2] = "es-g2",
};

static const char *const modes[] = {"none",   "standby",   "discharge",
				    "charge", "to-charge", "to-discharge"};

static const struct {
	const char *name;
	bool parameter;
	int max;
} faults[SIM_GOODWE_FAULTS] = {
	[SIM_GOODWE_GOOD] = {"none", false, 0},
	[SIM_GOODWE_SILENT] = {"silent", false, 0},
	[SIM_GOODWE_LATE] = {"late", true, DELAY_MAX},
	[SIM_GOODWE_SLOW] = {"slow", true, DELAY_MAX},
	[SIM_GOODWE_TRUNCATE] = {"truncate", true, SIM_GOODWE_DATAGRAM},
	[SIM_GOODWE_ECHO] = {"echo", false, 0},
	[SIM_GOODWE_TYPE] = {"type", false, 0},
	[SIM_GOODWE_SUM] = {"sum", false, 0},
	[SIM_GOODWE_PORT] = {"port", false, 0},
	[SIM_GOODWE_TWICE] = {"twice", false, 0},
	[SIM_GOODWE_GARBAGE] = {"garbage", false, 0},
	[SIM_GOODWE_EXCEPTION] = {"exception", true, CODE_MAX},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool sim_goodwe_family_of(const char *word, enum sim_goodwe_family *ret_family)
{
	for (int i = 0; i < SIM_GOODWE_FAMILIES; i++) {
		if (strcmp(families[i], word) == 0) {
			*ret_family = (enum sim_goodwe_family)i;
			return true;
		}
	}
	return false;
}

static void run_mode(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	for (size_t i = 0; i < COUNT(modes); i++) {
		if (args_is(a, 0, modes[i])) {
			g->values.mode = (int)i;
			return;
		}
	}
	args_set_int(a, 0, "none", 0, 0, UINT8_MAX, &g->values.mode);
}

static void run_current(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	args_set_number(a, 0, AMPERE_MAX, &g->values.current_a);
}

static void run_voltage(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	args_set_number(a, 0, VOLT_MAX, &g->values.voltage_v);
}

static void run_soc(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	args_set_int(a, 0, "none", UINT8_MAX, 0, UINT8_MAX, &g->values.soc_pct);
}

static void run_grid(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;
	const double w = args_number(a, 0, -WATT_MAX, WATT_MAX);

	g->values.grid_w = args_failed(a) ? g->values.grid_w : w;
}

static void run_family(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	if (!sim_goodwe_family_of(a->word[0], &g->family)) {
		args_complain(a, "expected aa55, modbus or es-g2");
	}
}

static void run_length(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	if (!args_is(a, 0, "95") && !args_is(a, 0, "133") && !args_is(a, 0, "140")) {
		args_complain(a, "expected 95, 133 or 140");
		return;
	}
	g->length = args_integer(a, 0, 95, 140);
}

static void run_fault(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	for (int i = 0; i < SIM_GOODWE_FAULTS; i++) {
		if (!args_is(a, 0, faults[i].name)) {
			continue;
		}
		if (a->count != (faults[i].parameter ? 2 : 1)) {
			args_complain(a, "wrong number of words");
			return;
		}
		const int parameter = faults[i].parameter ? args_integer(a, 1, 0, faults[i].max)
							  : 0;

		if (!args_failed(a)) {
			g->fault = (enum sim_goodwe_fault)i;
			g->parameter = parameter;
		}
		return;
	}
	args_complain(a, "there is no such fault");
}

static void run_heal(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	(void)a;
	g->fault = SIM_GOODWE_GOOD;
}

static void run_status(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;
	const struct sim_goodwe_values *v = &g->values;

	snprintf(a->reply, SIM_REPLY_MAX,
		 "{\"port\":%u,\"family\":\"%s\",\"length\":%d,\"mode\":%d,\"voltage_v\":%.1f,"
		 "\"current_a\":%.1f,\"soc\":%d,\"grid_w\":%.0f,\"fault\":\"%s\",\"requests\":%u,"
		 "\"answers\":%u,\"writes\":%u,\"unknown\":%u,\"searches\":%u}",
		 ntohs(g->address.sin_port), families[g->family], g->length, v->mode, v->voltage_v,
		 v->current_a, v->soc_pct, v->grid_w, faults[g->fault].name, g->requests,
		 g->answers, g->writes, g->unknown, g->searches);
}

static void run_quit(void *owner, struct args *a)
{
	struct sim_goodwe *g = owner;

	(void)a;
	g->quit = true;
}

static const struct sim_command commands[] = {
	{"mode", 1, 1, run_mode, "mode none|standby|discharge|charge|to-charge|to-discharge|N",
	 "what the battery does"},
	{"current", 1, 1, run_current, "current AMPERE", "battery current, a magnitude"},
	{"voltage", 1, 1, run_voltage, "voltage VOLT", "battery voltage"},
	{"soc", 1, 1, run_soc, "soc PERCENT|none", "state of charge"},
	{"grid", 1, 1, run_grid, "grid WATT", "at the grid connection; import is positive"},
	{"family", 1, 1, run_family, "family aa55|modbus|es-g2", "what the inverter speaks"},
	{"length", 1, 1, run_length, "length 95|133|140", "runtime data by AA55, by firmware"},
	{"fault", 1, 2, run_fault,
	 "fault none|silent|late MS|slow MS|truncate N|echo|type|sum|port|twice|garbage|exception "
	 "CODE",
	 "what is wrong with the answers"},
	{"heal", 0, 0, run_heal, "heal", "end the fault"},
	{"status", 0, 0, run_status, "status", "state as one JSON line"},
	{"quit", 0, 0, run_quit, "quit", "end"},
};

void sim_goodwe_command_help(void)
{
	sim_commands_help(commands, COUNT(commands));
}

void sim_goodwe_command(void *owner, struct sim_client *client, char *line,
			char ret_reply[SIM_REPLY_MAX])
{
	sim_commands_run(commands, COUNT(commands), owner, client, line, ret_reply);
}
