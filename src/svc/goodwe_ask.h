/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the inverter: a socket of its own, up to GOODWE_TRIES requests, one good answer. */
#ifndef JKP_SVC_GOODWE_ASK_H
#define JKP_SVC_GOODWE_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "svc/goodwe.h"

/**
 * struct goodwe_question - what is asked
 * @family: GOODWE_FAMILY_AA55 or GOODWE_FAMILY_MODBUS
 * @what: enum aa55_query or enum goodwe_block
 */
struct goodwe_question {
	enum goodwe_family family;
	uint32_t what;
};

/**
 * struct goodwe_answer - a datagram that was judged good
 * @asked_ns: CLOCK_MONOTONIC before the request: what it tells is not older, but may be read later
 * @exception: of Modbus, if it was refused
 */
struct goodwe_answer {
	uint8_t datagram[GOODWE_DATAGRAM_MAX];
	size_t len;
	int64_t asked_ns;
	int32_t exception;
};

/**
 * goodwe_ask - ask until there is an answer
 * @tries: how often, 1..GOODWE_TRIES
 * @answer: receives the datagram
 *
 * What is not the answer is dropped, counted and told.
 *
 * Return: 0; -EREMOTEIO: refused; -EPROTO: the other protocol answered; -EBADMSG: nothing but damaged
 * answers; -ETIMEDOUT: none; -ECANCELED: the service stops; another -errno: the network's.
 * Context: the service's thread. Bound: @tries x answer_ms; when the service stops, at once.
 */
int goodwe_ask(struct goodwe *g, const struct goodwe_question *q, int tries,
	       struct goodwe_answer *answer);

/* Count and tell an answer that was good by its sum and of no use. */
void goodwe_damaged(struct goodwe *g);

#endif
