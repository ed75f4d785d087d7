/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pylontech low-voltage battery on CAN: 500 kbit/s, standard identifiers, little endian, one set a
 * second; the inverter answers 0x305.
 *
 * Sources: Pylontech "CAN-Bus-protocol-PYLON-low-voltage-V1.2" (2018-04-08) and captures of genuine
 * US2000/US3000/US5000 batteries (setfirelabs.com; OpenDTU-OnBattery PR 1213). Where document and
 * captures differ the captures win: 0x351 carries the discharge voltage, DCL is positive, 0x359
 * ends in "PN", the name is padded with spaces.
 */
#ifndef JKP_PROTO_PYLON_H
#define JKP_PROTO_PYLON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/canmsg.h"

#define PYLON_BITRATE	    500000
#define PYLON_ID_ALIVE	    0x305U /* from the inverter */
#define PYLON_ID_LIMITS	    0x351U
#define PYLON_ID_SOC	    0x355U
#define PYLON_ID_MEASURED   0x356U
#define PYLON_ID_ALARMS	    0x359U
#define PYLON_ID_ALARMS_V13 0x35AU
#define PYLON_ID_REQUEST    0x35CU
#define PYLON_ID_NAME	    0x35EU
#define PYLON_ID_INFO_V13   0x35FU

/* Frame kinds a set is made of. */
enum pylon_frame {
	PYLON_FRAME_ALARMS,	/* 0x359 */
	PYLON_FRAME_LIMITS,	/* 0x351 */
	PYLON_FRAME_SOC,	/* 0x355 */
	PYLON_FRAME_MEASURED,	/* 0x356 */
	PYLON_FRAME_REQUEST,	/* 0x35C */
	PYLON_FRAME_NAME,	/* 0x35E */
	PYLON_FRAME_ALARMS_V13, /* 0x35A */
	PYLON_FRAME_INFO_V13,	/* 0x35F */
	PYLON_FRAME_ALIVE,	/* 0x305 sent by the battery side, as the original script did */
	PYLON_FRAMES
};

#define PYLON_SET_MAX 8U /* frames in one set, any profile */

/*
 * Alarm bits, our numbering; one enum for protections (0x359 bytes 0-1) and warnings (bytes 2-3).
 * SYSTEM exists as protection only, COMM (internal communication failure) as warning only.
 */
#define PYLON_CELL_HIGH	   (1U << 0) /* high voltage: byte 0/2 bit 1 */
#define PYLON_CELL_LOW	   (1U << 1) /* low voltage: byte 0/2 bit 2 */
#define PYLON_TEMP_HIGH	   (1U << 2) /* byte 0/2 bit 3 */
#define PYLON_TEMP_LOW	   (1U << 3) /* byte 0/2 bit 4 */
#define PYLON_DISCHARGE_OC (1U << 4) /* byte 0/2 bit 7 */
#define PYLON_CHARGE_OC	   (1U << 5) /* byte 1/3 bit 0 */
#define PYLON_SYSTEM	   (1U << 6) /* byte 1 bit 3 */
#define PYLON_COMM	   (1U << 7) /* byte 3 bit 3 */

/**
 * struct pylon_state - what the battery says, in project units; any value may be out of range: the
 * encoder saturates
 * @cvl_mv: charge voltage limit, mV
 * @dvl_mv: discharge voltage limit, mV
 * @ccl_ma: charge current limit, mA, >= 0
 * @dcl_ma: discharge current limit, mA, >= 0 (sent positive)
 * @pack_mv: pack voltage, mV
 * @pack_ma: pack current, mA, charging positive
 * @temp_dc: temperature, 0.1 degC
 * @soc_pct: state of charge, %
 * @soh_pct: state of health, %
 * @protections: PYLON_* bits for bytes 0-1 of 0x359
 * @warnings: PYLON_* bits for bytes 2-3 of 0x359
 * @charge_enable ... @full_charge: bits 7, 6, 5, 4, 3 of 0x35C
 * @modules: number of modules
 * @capacity_ah: nominal capacity, Ah (0x35F of V1.3)
 * @alive: counter for 0x305 if the profile sends it
 */
struct pylon_state {
	int32_t cvl_mv;
	int32_t dvl_mv;
	int32_t ccl_ma;
	int32_t dcl_ma;
	int32_t pack_mv;
	int32_t pack_ma;
	int32_t temp_dc;
	int32_t soc_pct;
	int32_t soh_pct;
	uint32_t protections;
	uint32_t warnings;
	bool charge_enable;
	bool discharge_enable;
	bool force_charge_1;
	bool force_charge_2;
	bool full_charge;
	uint8_t modules;
	int32_t capacity_ah;
	uint32_t alive;
};

/**
 * struct pylon_profile - a dialect as data
 * @name: as in the configuration
 * @count: frames in the set
 * @order: the frames in the order they are sent
 * @len: data length by enum pylon_frame; 0 = not part of the dialect
 */
struct pylon_profile {
	const char *name;
	uint8_t count;
	uint8_t order[PYLON_SET_MAX];
	uint8_t len[PYLON_FRAMES];
};

/**
 * pylon_profile_find - profile by name
 * @name: "pylontech-1.2", "pylontech-1.3", "padded"
 *
 * Return: the profile (static), or NULL.
 * Context: any thread. Pure.
 */
const struct pylon_profile *pylon_profile_find(const char *name);

/**
 * pylon_profile_at - profiles by index, for help texts
 *
 * Return: the profile, or NULL at the end of the table.
 */
const struct pylon_profile *pylon_profile_at(size_t index);

/**
 * pylon_frame_id - CAN identifier of a frame kind
 */
uint16_t pylon_frame_id(enum pylon_frame kind);

/**
 * pylon_encode - build one frame
 * @p: profile: decides the length
 * @kind: which frame
 * @s: what to say
 *
 * Currents are rounded towards zero to 0.1 A (limits never round up), CVL is rounded down, DVL up
 * to 0.1 V; measured values are rounded to nearest. Every signal saturates at the range of its
 * field, limits also at 0 (SAF-10). SoC and SoH saturate at 0..100.
 *
 * Return: the frame; len 0 if the profile does not have @kind.
 * Context: any thread. Pure. Bound: constant.
 */
struct can_msg pylon_encode(const struct pylon_profile *p, enum pylon_frame kind,
			    const struct pylon_state *s);

/**
 * struct pylon_report - one decoded frame, for tools and tests
 * @kind: which frame
 * @state: the fields this frame carries; the others are 0
 * @has_dvl: 0x351 was long enough to carry the discharge voltage
 * @name: text of 0x35E, non-printing bytes shown as '.'
 * @pn: 0x359 ends in "PN"
 * @undefined_bits: 0x359/0x35C bits that the document does not define (byte 0 lowest); for 0x35A
 *	one bit for each of the 32 fields that says "active" and is none of the PYLON_* alarms
 * @raw: the 8 payload bytes for 0x305, 0x35A, 0x35F
 */
struct pylon_report {
	enum pylon_frame kind;
	struct pylon_state state;
	bool has_dvl;
	bool pn;
	uint32_t undefined_bits;
	char name[8 + 1];
	uint8_t raw[CAN_MSG_DATA_MAX];
};

/**
 * pylon_decode - read one frame
 * @m: frame from the bus
 * @ret_report: decoded fields; untouched on failure
 *
 * Return: 0; -ENOENT if the identifier is not one of this protocol; -EMSGSIZE if the payload is
 * too short for the fields every dialect has.
 * Context: any thread. Pure. Bound: constant.
 */
int pylon_decode(const struct can_msg *m, struct pylon_report *ret_report);

#endif
