/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The battery's relay: its line, the precharge line, the auxiliary contact. What is written to them
 * is decided in core/guardpol.h.
 */
#ifndef JKP_RT_RELAY_H
#define JKP_RT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/line.h"

/**
 * struct relay - caller-owned; zeroed: no relay
 * @fitted: there is one
 * @level, @precharge_level: as written last
 * @known: they are what was written last
 * @idle: calls of relay_drive() since the relay's line was written
 */
struct relay {
	struct line line;
	struct line precharge;
	struct line feedback;
	bool fitted;
	bool level;
	bool precharge_level;
	bool known;
	unsigned int idle;
};

/**
 * relay_open - take the lines; both outputs are inactive from the request on: the relay is open
 * @relay, @precharge, @feedback: CHIP:LINE[:active-low], file:PATH or none
 * @error: receives what is wrong and the remedy
 *
 * Return: 0 or -errno; nothing is kept after a failure.
 * Context: init. May block.
 */
int relay_open(struct relay *r, const char *relay, const char *precharge, const char *feedback,
	       char *error, size_t size);

/**
 * relay_drive - bring the lines to these levels; the relay's line first
 *
 * A level that is there already is not written again, one that failed is; but while the relay is
 * closed on a GPIO line, every fifth call writes it: so it shows within that time that the chip is
 * gone (FLT-59).
 *
 * Return: 0 or -errno.
 * Context: guard, called once a period. Bound: two system calls, no allocation.
 */
int relay_drive(struct relay *r, bool level, bool precharge);

/**
 * relay_feedback - the auxiliary contact
 *
 * Return: 1 closed, 0 open, -errno not readable.
 * Context: guard. Bound: one system call.
 */
int relay_feedback(const struct relay *r);

/**
 * relay_close - open the relay and give the lines back
 */
void relay_close(struct relay *r);

/**
 * relay_open_anyhow - open a relay whose holder has died: take its lines, let them go inactive
 * @relay, @precharge: as configured
 *
 * Return: 0, -EBUSY somebody holds a line, another -errno.
 * Context: worker after the end of the guard; --open-relay. May block.
 */
int relay_open_anyhow(const char *relay, const char *precharge, char *error, size_t size);

#endif
