/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GoodWe inverter with a battery, on UDP: AA55 or Modbus, as the module in its WiFi would answer. What
 * its frames look like is written here once more: nothing is shared with the codec of the product.
 */
#ifndef JKP_TOOLS_SIM_GOODWE_H
#define JKP_TOOLS_SIM_GOODWE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_control.h"
#include "sim_random.h"

#define SIM_GOODWE_DATAGRAM 512
#define SIM_GOODWE_PENDING  16

enum sim_goodwe_family {
	SIM_GOODWE_AA55,   /* ES, EM, BP */
	SIM_GOODWE_MODBUS, /* ET */
	SIM_GOODWE_ES_G2,  /* tells by AA55 that it has no model, and speaks Modbus */
	SIM_GOODWE_FAMILIES
};

enum sim_goodwe_fault {
	SIM_GOODWE_GOOD,
	SIM_GOODWE_SILENT,
	SIM_GOODWE_LATE,     /* @parameter ms later */
	SIM_GOODWE_SLOW,     /* the same, in time */
	SIM_GOODWE_TRUNCATE, /* after @parameter bytes */
	SIM_GOODWE_ECHO,
	SIM_GOODWE_TYPE, /* the answer to something else */
	SIM_GOODWE_SUM,
	SIM_GOODWE_PORT, /* from another port */
	SIM_GOODWE_TWICE,
	SIM_GOODWE_GARBAGE,
	SIM_GOODWE_EXCEPTION, /* Modbus: code @parameter */
	SIM_GOODWE_FAULTS
};

/* What the inverter says. Currents and powers are magnitudes but for @grid_w: + import. */
struct sim_goodwe_values {
	int mode;
	double voltage_v;
	double current_a;
	int soc_pct;
	double grid_w;
};

/* An answer on its way. */
struct sim_goodwe_reply {
	int64_t due_ns;
	int fd;
	struct sockaddr_in to;
	uint8_t data[SIM_GOODWE_DATAGRAM];
	size_t len;
};

/**
 * struct sim_goodwe - the inverter
 * @fd: its port; @stranger: another one of the same address; @finder: answers the search, or -1
 * @length: bytes of runtime data by AA55, by firmware
 * @pending: answers that leave later
 * @requests: of either protocol; @writes: requests that would write: none is carried out
 */
struct sim_goodwe {
	struct sim_control control;
	int64_t start_ns;
	int fd;
	int stranger;
	int finder;
	struct sockaddr_in address;
	enum sim_goodwe_family family;
	int length;
	struct sim_goodwe_values values;
	enum sim_goodwe_fault fault;
	int parameter;
	struct sim_goodwe_reply pending[SIM_GOODWE_PENDING];
	size_t pending_len;
	uint32_t requests;
	uint32_t answers;
	uint32_t writes;
	uint32_t unknown;
	uint32_t searches;
	struct sim_random random;
	bool quit;
};

/* jkpylon-sim goodwe. Return: exit status. */
int sim_goodwe_main(int argc, char **argv);

/**
 * sim_goodwe_answer - the answer to a request, faults of content included
 * @answer: receives at most SIM_GOODWE_DATAGRAM bytes
 *
 * Return: its length; 0: this inverter does not answer that.
 */
size_t sim_goodwe_answer(struct sim_goodwe *g, const uint8_t *request, size_t len, uint8_t *answer);

/* Carry out one command line; sim_run. */
void sim_goodwe_command(void *owner, struct sim_client *client, char *line,
			char ret_reply[SIM_REPLY_MAX]);
void sim_goodwe_command_help(void);

/* Words of the command line and the commands. Return: false if there is no such. */
bool sim_goodwe_family_of(const char *word, enum sim_goodwe_family *ret_family);

#endif
