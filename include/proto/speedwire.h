/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speedwire datagrams of SMA energy meters: Energy Meter 1.0 and 2.0 (EMETER-10, EMETER-20), Sunny
 * Home Manager 2.0. UDP, big endian, no checksum: whether one is whole shows in its structure only.
 *
 * Sources of the protocol facts: SMA "EMETER-Protokoll-TI-en-10" V1.0; captures and notes published
 * with openHAB's smaenergymeter binding, RalfOGit/libspeedwire, datenschuft/SMA-EM (issues 21, 70)
 * and others, named in tests/vectors/README-sma.md. Where document and captures differ the captures
 * win: channel byte 0, power in 0.1 W.
 *
 *   0  "SMA\0"
 *   4  tags: {length of the data (2), tag (2), data}
 *        02A0  group (4)
 *        0010  6069 SUSy id (2), serial number (4), ticker in ms (4), records
 *              6081 the same with two bytes more behind the protocol id (unicast of a Home Manager)
 *              anything else: discovery, inverters; not ours
 *        0000  end, length 0
 *
 * A record: {channel, index, type, tariff} of an OBIS code, value of 4 or 8 bytes. Records may come
 * in any order: firmware has added one in the middle before.
 */
#ifndef JKP_PROTO_SPEEDWIRE_H
#define JKP_PROTO_SPEEDWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEEDWIRE_PORT	       9522
#define SPEEDWIRE_GROUP	       "239.12.255.254"
#define SPEEDWIRE_DATAGRAM_MAX 1024U /* the largest known has 610 bytes */
#define SPEEDWIRE_METER	       0x6069U
#define SPEEDWIRE_METER_2      0x6081U /* with two bytes more */
#define SPEEDWIRE_SUSY_EM_1    270U
#define SPEEDWIRE_SUSY_EM_2    349U
#define SPEEDWIRE_SUSY_HM_2    372U
#define SPEEDWIRE_SUSY_HM_2_B  501U
#define SPEEDWIRE_SUSY_EM_2_B  502U

/* What became of a datagram. */
enum speedwire_verdict {
	SPEEDWIRE_OK = 0,
	/* foreign: right as it is, but no measurement */
	SPEEDWIRE_NOT_SMA,   /* does not begin with "SMA\0" */
	SPEEDWIRE_DISCOVERY, /* no data with a protocol, or protocol 0001 */
	SPEEDWIRE_INVERTER,  /* protocol 6065 */
	SPEEDWIRE_OTHER,     /* another protocol */
	/* damaged */
	SPEEDWIRE_TRUNCATED, /* a tag or its data overruns the datagram, or the end tag is missing */
	SPEEDWIRE_BAD_TAG,   /* tag of an impossible length, repeated, or bytes behind the end */
	SPEEDWIRE_BAD_RECORD, /* unknown type, or the record overruns the data */
	SPEEDWIRE_REPEATED,   /* the same value twice */
	SPEEDWIRE_NO_POWER,   /* active power of import or export is missing */
	SPEEDWIRE_VERDICTS
};

#define SPEEDWIRE_DAMAGED SPEEDWIRE_TRUNCATED /* from here on */

/* Index of a quantity in the OBIS code, for the sum; lines L1 to L3 follow 20, 40, 60 behind. */
enum speedwire_quantity {
	SPEEDWIRE_P_IMPORT = 1, /* actual 0.1 W, counter 1 Ws */
	SPEEDWIRE_P_EXPORT = 2,
	SPEEDWIRE_Q_IMPORT = 3, /* 0.1 var, 1 vars */
	SPEEDWIRE_Q_EXPORT = 4,
	SPEEDWIRE_S_IMPORT = 9, /* 0.1 VA, 1 VAs */
	SPEEDWIRE_S_EXPORT = 10,
	SPEEDWIRE_CURRENT = 11,	     /* mA, of a line */
	SPEEDWIRE_VOLTAGE = 12,	     /* mV, of a line */
	SPEEDWIRE_POWER_FACTOR = 13, /* 0.001, signed */
	SPEEDWIRE_FREQUENCY = 14,    /* mHz, of the sum */
	SPEEDWIRE_QUANTITIES	     /* 0 is none */
};

enum speedwire_line {
	SPEEDWIRE_SUM,
	SPEEDWIRE_L1,
	SPEEDWIRE_L2,
	SPEEDWIRE_L3,
	SPEEDWIRE_LINES
};

/**
 * struct speedwire_meter - one datagram of a meter
 * @protocol: SPEEDWIRE_METER or SPEEDWIRE_METER_2
 * @extra: the two bytes more of SPEEDWIRE_METER_2, else 0
 * @susy: SUSy id: what kind of device; see speedwire_device_name()
 * @serial: serial number
 * @ticker_ms: running time of the meter, wraps after 49.7 days
 * @has_version: @version is there
 * @version: major, minor, build, revision letter
 * @has_actual, @has_counter: per line, bit of each enum speedwire_quantity that is there
 * @actual: newest value, unit: see enum speedwire_quantity; 0 if it is not there
 * @counter: since the meter was made, 1 Ws = 1/3600000 kWh; 0 if it is not there
 */
struct speedwire_meter {
	uint16_t protocol;
	uint16_t extra;
	uint16_t susy;
	uint32_t serial;
	uint32_t ticker_ms;
	bool has_version;
	uint8_t version[4];
	uint16_t has_actual[SPEEDWIRE_LINES];
	uint16_t has_counter[SPEEDWIRE_LINES];
	uint32_t actual[SPEEDWIRE_LINES][SPEEDWIRE_QUANTITIES];
	uint64_t counter[SPEEDWIRE_LINES][SPEEDWIRE_QUANTITIES];
};

/**
 * speedwire_decode - what a datagram says
 * @data: datagram
 * @len: its length
 * @ret_meter: filled if SPEEDWIRE_OK is returned, else untouched
 *
 * Of values with a tariff, a channel other than 0, or an index that is not listed here nothing is
 * kept. Missing lines are no error, the active power of the sum is one.
 *
 * Return: SPEEDWIRE_OK, or why it is no measurement.
 * Context: any thread. Pure. Bound: two walks over the bytes.
 */
enum speedwire_verdict speedwire_decode(const uint8_t *data, size_t len,
					struct speedwire_meter *ret_meter);

/* Short English name, for logs and tools; "?" for a value outside the enum. */
const char *speedwire_verdict_name(enum speedwire_verdict v);

/* Kind of device by its SUSy id; "unknown device" if it is none of the known ones. */
const char *speedwire_device_name(uint16_t susy);

/**
 * speedwire_power_dw - active power at the grid connection
 * @m: decoded datagram
 *
 * From the meter's own sum: it balances the lines, while the imports of the lines do not add up.
 * Return: + import from the grid, - export; 0.1 W, saturated.
 */
int32_t speedwire_power_dw(const struct speedwire_meter *m);

/**
 * speedwire_line_power_dw - the same of one line; 0 if it is not there
 */
int32_t speedwire_line_power_dw(const struct speedwire_meter *m, enum speedwire_line line);

/**
 * speedwire_lines_differ_dw - by how much the three lines together differ from the sum
 * @ret_dw: sum of the lines less the sum, 0.1 W, saturated; genuine datagrams: at most 2
 *
 * Information only. Return: false, @ret_dw untouched, unless all three lines are there.
 */
bool speedwire_lines_differ_dw(const struct speedwire_meter *m, int32_t *ret_dw);

/**
 * speedwire_encode - the opposite, in the order of genuine devices
 * @m: what @has_actual and @has_counter name is written
 * @data: receives the datagram
 * @size: room there; SPEEDWIRE_DATAGRAM_MAX is enough for everything
 *
 * Return: bytes written, 0 if there is no room.
 */
size_t speedwire_encode(const struct speedwire_meter *m, uint8_t *data, size_t size);

#endif
