/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated SMA meter: sends Speedwire datagrams, and breaks them on command. */
#ifndef JKP_TOOLS_SIM_SMA_H
#define JKP_TOOLS_SIM_SMA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/speedwire.h"
#include "sim_control.h"

/* Which genuine device it looks like. */
enum sma_kind {
	SMA_KIND_EM,	  /* Energy Meter 2.0: 600 bytes, no frequency */
	SMA_KIND_HM,	  /* Home Manager 2.0: 608 bytes */
	SMA_KIND_UNICAST, /* Home Manager with protocol 6081: 610 bytes */
	SMA_KINDS
};

/**
 * struct sim_sma - the meter
 * @power_w: + import, - export, W
 * @rate: datagrams a second
 * @ticker_ms: of the next datagram, counted on by the time between two
 * @truncate: datagrams end after so many bytes, -1 = whole
 * @damage: wrong length of the data
 * @frozen: the ticker stands
 * @spoof, @spoof_w: after each datagram another one of this serial number; 0 = none
 * @foreign: datagrams a second of other Speedwire devices
 * @flood: useless datagrams a second
 * @flood_meter: these are of a meter of the same serial number, with impossible power
 * @sent, @sent_other, @refused: datagrams: own; foreign, spoofed and flood; that did not leave
 */
struct sim_sma {
	struct speedwire_meter meter;
	enum sma_kind kind;
	double power_w;
	double rate;
	uint32_t ticker_ms;
	bool silent;
	bool damage;
	bool frozen;
	int truncate;
	uint32_t spoof;
	double spoof_w;
	double foreign;
	double flood;
	bool flood_meter;
	uint32_t sent;
	uint32_t sent_other;
	uint32_t refused;
	/* ---- */
	int fd;
	struct sockaddr_in to;
	int64_t start_ns;
	int64_t due_ns;
	int64_t foreign_due_ns;
	int64_t flood_ns;
	double energy_ws[2];
	struct sim_control control;
	bool quit;
};

/* The program "jkpylon-sim sma". Return: exit status. */
int sim_sma_main(int argc, char **argv);

/* Carry out one command line; sim_run. */
void sim_sma_command(void *owner, struct sim_client *client, char *line,
		     char ret_reply[SIM_REPLY_MAX]);
void sim_sma_command_help(void);
void sim_sma_heal(struct sim_sma *s);

/* Return: false if there is no such kind. */
bool sim_sma_kind(const char *name, enum sma_kind *ret_kind);
const char *sim_sma_kind_name(enum sma_kind kind);

/* Send what is due. Return: when the next is, ns. */
int64_t sim_sma_step(struct sim_sma *s, int64_t now_ns);

#endif
