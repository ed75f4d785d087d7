/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders from services and local tools, and what the core answers. Every order but COMMAND_ACK is a
 * proposal: it can only lower, and it is a lease that ends by itself (SAF-19).
 */
#ifndef JKP_CORE_COMMAND_H
#define JKP_CORE_COMMAND_H

#include <stdint.h>

#include "base/time.h"

#define COMMAND_TTL_MAX_MS  60000
#define COMMAND_SOC_MAX_PCT 100

/* New ones go to the end: recorded inputs hold the numbers. */
enum command_kind {
	COMMAND_NONE,
	COMMAND_LIMIT_CHARGE,	 /* value: mA */
	COMMAND_LIMIT_DISCHARGE, /* value: mA */
	COMMAND_PAUSE_CHARGE,
	COMMAND_PAUSE_DISCHARGE,
	COMMAND_FULL_CHARGE, /* asks for bit 3 of 0x35C and a bulk charge */
	COMMAND_RELEASE,     /* value: the lease to withdraw, COMMAND_NONE = all */
	COMMAND_ACK,	     /* local only: clear a latch; value 1 = attended recovery */
	COMMAND_SOC_MAX,     /* value: %, no charging once it is reached; 100 = no bound */
	COMMAND_SOC_MIN,     /* value: %, no discharging once it is reached; 0 = no bound */
	COMMANDS
};

const char *command_name(int32_t kind);

/**
 * struct command - one order with its lease
 * @kind: enum command_kind
 * @value: by kind, >= 0
 * @ttl_ms: lease, 1..COMMAND_TTL_MAX_MS from the period it arrives in
 * @local: comes from a local tool, not from the network: COMMAND_ACK demands it
 * @seq: number of the sender, repeated in every answer about it; 0 = wants no answer
 * @sent_us: when it was put into the ring, CLOCK_MONOTONIC in us modulo 2^32; 0 = not told. For
 *           statistics alone
 */
struct command {
	uint32_t kind;
	int32_t value;
	int32_t ttl_ms;
	uint32_t local;
	uint32_t seq;
	uint32_t sent_us;
};

/* command.sent_us of an order that is put into the ring at @now_ns. Pure. */
static inline uint32_t command_stamp(int64_t now_ns)
{
	const uint32_t us = (uint32_t)(now_ns / NS_PER_US);

	return us != 0U ? us : 1U;
}

/* What became of an order. The first group ends it, but for COMMAND_ACCEPTED. */
enum command_verdict {
	COMMAND_ACCEPTED,
	COMMAND_EXPIRED,  /* not renewed in time, or the machine was suspended */
	COMMAND_REPLACED, /* by a later one of its kind */
	COMMAND_RELEASED,
	/* refused */
	COMMAND_BAD_KIND,
	COMMAND_BAD_TIME,
	COMMAND_BAD_VALUE,
	COMMAND_NOT_LOCAL,
	COMMAND_NOT_ALLOWED, /* by the configuration */
	COMMAND_NO_ENVELOPE, /* a full charge while the battery must not be charged */
	COMMAND_VERDICTS
};

/* One sentence without a full stop; "?" outside the list. */
const char *command_verdict_text(int32_t verdict);

/**
 * struct command_answer - what became of the order with this number
 * @verdict: enum command_verdict
 */
struct command_answer {
	uint32_t seq;
	uint32_t kind;
	uint32_t verdict;
};

/* Of one period: each order heard, and each lease that ran before or began with one of them. */
#define COMMAND_ANSWERS_MAX(orders) (2U * (orders) + (uint32_t)COMMANDS)

#endif
