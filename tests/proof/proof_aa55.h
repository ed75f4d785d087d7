/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses of AA55 share. */
#ifndef JKP_TESTS_PROOF_AA55_H
#define JKP_TESTS_PROOF_AA55_H

#include "proto/aa55.c"
#include "proto/goodwe.c"
#include "proof.h"

#define ROOM (AA55_REPLY_MAX + 1U)

static uint8_t room[ROOM];

/* Any sum, of bytes that are there. */
uint16_t sum_contract(const uint8_t *p, size_t n)
{
	PROVE(p >= room && p + n <= room + ROOM - SUM_SIZE, "summed up to the sum");
	return nondet_u16();
}

/* Any datagram, at the end of an object. */
static inline const uint8_t *any_datagram(size_t *ret_n)
{
	uint8_t any[ROOM]; /* any content */
	const size_t n = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(n <= ROOM);
	*ret_n = n;
	return room + (ROOM - n);
}

#endif
