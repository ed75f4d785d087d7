/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two protocols of GoodWe hybrid inverters on UDP port 8899 have in common: AA55 of the ES,
 * EM and BP families (proto/aa55.h), Modbus of the ET family and of the second ES generation
 * (proto/goodwe_modbus.h). One datagram asks, one answers. Neither header has a function that can
 * ask for anything to be written: such requests work without a password, and this project reads.
 */
#ifndef JKP_PROTO_GOODWE_H
#define JKP_PROTO_GOODWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GOODWE_PORT	    8899
#define GOODWE_NO_VALUE	    INT32_MIN
#define GOODWE_DATAGRAM_MAX 512U /* more than any answer has: a longer one shows as too long */
#define GOODWE_TEXT_MAX	    20U	 /* of a text in struct goodwe_device, the end included */

/* Which protocol an inverter speaks. */
enum goodwe_family {
	GOODWE_FAMILY_AUTO, /* to be found out */
	GOODWE_FAMILY_AA55,
	GOODWE_FAMILY_MODBUS,
	GOODWE_FAMILIES
};

/**
 * goodwe_family_name - as in the configuration: auto, aa55, modbus
 *
 * Return: static string; "?" for a value outside the enum.
 * Context: any thread. Pure.
 */
const char *goodwe_family_name(int32_t family);

/* What became of a datagram. */
enum goodwe_verdict {
	GOODWE_OK = 0,
	GOODWE_SHORT,	       /* ends before its length says, or before it has one */
	GOODWE_BAD_HEADER,     /* neither AA55 nor Modbus of an inverter */
	GOODWE_ECHO,	       /* a request: our own came back */
	GOODWE_BAD_LENGTH,     /* longer than its length says */
	GOODWE_BAD_SUM,	       /* sum or CRC wrong */
	GOODWE_FOREIGN,	       /* good, but the answer to something else */
	GOODWE_REFUSED,	       /* Modbus exception */
	GOODWE_OTHER_PROTOCOL, /* AA55 where Modbus was asked, or the other way round */
	GOODWE_TOO_LITTLE,     /* good, but without the bytes that matter */
	GOODWE_VERDICTS
};

/**
 * goodwe_verdict_name - short English name of a verdict, for logs and tools
 *
 * Return: static string; "?" for a value outside the enum.
 * Context: any thread. Pure.
 */
const char *goodwe_verdict_name(int32_t verdict);

/* What the inverter says its battery does: byte 30 of AA55, register 35184 of Modbus. */
enum goodwe_mode {
	GOODWE_MODE_NONE = 0,
	GOODWE_MODE_STANDBY = 1,
	GOODWE_MODE_DISCHARGE = 2, /* an idle battery too, with 0.2 to 0.4 A */
	GOODWE_MODE_CHARGE = 3,
	GOODWE_MODE_TO_CHARGE = 4,
	GOODWE_MODE_TO_DISCHARGE = 5,
};

/**
 * goodwe_mode_name - name of a battery mode
 *
 * Return: static string; "?" for a value outside the enum.
 * Context: any thread. Pure.
 */
const char *goodwe_mode_name(int32_t mode);

/**
 * struct goodwe_battery - the battery as the inverter says it
 * @mode: enum goodwe_mode, or a number that the protocol does not have
 * @voltage_mv: mV
 * @current_ma: + charging, - discharging, mA
 * @power_w: + charging, - discharging, W
 * @soc_pct: 0..100
 *
 * GOODWE_NO_VALUE where the inverter gives none, but for @mode.
 */
struct goodwe_battery {
	int32_t mode;
	int32_t voltage_mv;
	int32_t current_ma;
	int32_t power_w;
	int32_t soc_pct;
};

/**
 * goodwe_has_battery - whether there is one
 *
 * Mode 0 and a state of charge of 0 (or none) say that there is none. Mode 0 beside a state of charge
 * is a contradiction, in which nothing is known: true, and the mode is of no use.
 *
 * Context: any thread. Pure.
 */
bool goodwe_has_battery(const struct goodwe_battery *b);

/**
 * struct goodwe_device - what an inverter says of itself
 * @model: such as "GW5048-EM"; empty in an answer by AA55: "ES G2", which speaks Modbus otherwise
 * @serial: serial number, 16 characters
 * @firmware: of the inverter
 * @arm: of its communication processor
 *
 * NUL-terminated printable ASCII; '.' for anything else, blanks at the end removed.
 */
struct goodwe_device {
	char model[GOODWE_TEXT_MAX];
	char serial[GOODWE_TEXT_MAX];
	char firmware[GOODWE_TEXT_MAX];
	char arm[GOODWE_TEXT_MAX];
};

#endif
