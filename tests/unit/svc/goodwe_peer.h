/* SPDX-License-Identifier: Apache-2.0 */
/* A GoodWe inverter on UDP in a thread, which can do anything; of its own making, not of the codec's. */
#ifndef JKP_TESTS_SVC_GOODWE_PEER_H
#define JKP_TESTS_SVC_GOODWE_PEER_H

#include <stdint.h>

enum peer_kind {
	PEER_AA55,   /* ES, EM, BP */
	PEER_MODBUS, /* knows no AA55 */
	PEER_ES_G2,  /* tells by AA55 that it has no model, and speaks Modbus */
	PEER_ET,     /* tells its model by AA55, and speaks Modbus */
	PEER_NOTHING_BUT_AA55_NAME,
};

enum peer_fault {
	FAULT_NONE,
	FAULT_SILENT,
	FAULT_LATE, /* when nobody waits any more; says SoC PEER_LATE_SOC */
	FAULT_CUT,
	FAULT_LONG,
	FAULT_ECHO,
	FAULT_TYPE, /* answers something else */
	FAULT_SUM,
	FAULT_PORT, /* from another port; says SoC PEER_LATE_SOC */
	FAULT_TWICE,
	FAULT_NOISE,
	FAULT_FLOOD,
	FAULT_EXCEPTION,
	FAULT_OTHER,   /* the other protocol */
	FAULT_NO_PACK, /* Modbus: no registers of the battery manager */
	FAULT_PACK_SILENT,
	FAULT_NOISE_THEN_ANSWER,
};

#define PEER_LATE_SOC 11

/* What is set here takes effect with the next request. */
extern struct peer {
	_Atomic uint32_t kind;
	_Atomic uint32_t fault;
	_Atomic uint32_t late_ms;
	_Atomic uint32_t mode;
	_Atomic uint32_t voltage_dv;
	_Atomic uint32_t current_da; /* magnitude */
	_Atomic uint32_t soc_pct;
	_Atomic uint32_t requests;
	_Atomic uint32_t writes; /* anything that is no reading request */
	_Atomic uint32_t answers;
	uint16_t port;
} peer;

void peer_start(enum peer_kind kind);
void peer_stop(void);

#endif
