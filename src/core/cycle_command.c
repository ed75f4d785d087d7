/* SPDX-License-Identifier: Apache-2.0 */
/* Orders are leases: they lower, and they end by themselves (SAF-19). */
#include "base/units.h"
#include "cycle_private.h"

static bool is_lease(uint32_t kind)
{
	return kind == COMMAND_LIMIT_CHARGE || kind == COMMAND_LIMIT_DISCHARGE ||
	       kind == COMMAND_PAUSE_CHARGE || kind == COMMAND_PAUSE_DISCHARGE ||
	       kind == COMMAND_FULL_CHARGE;
}

static bool acceptable(const struct cycle *c, const struct command *cmd)
{
	if (cmd->kind == COMMAND_RELEASE) {
		return true;
	}
	if (cmd->kind == COMMAND_ACK) {
		return cmd->local != 0;
	}
	if (!is_lease(cmd->kind) || cmd->ttl_ms < 1 || cmd->ttl_ms > COMMAND_TTL_MAX_MS ||
	    cmd->value_ma < 0) {
		return false;
	}
	return cmd->kind != COMMAND_FULL_CHARGE ||
	       (c->config->allow_full_charge && c->envelope_ma[DIR_CHARGE] > 0);
}

/* An attended recovery begins in the zone that the ratchet of charging keeps closed. */
static void take_ack(struct cycle *c, bool recover, int64_t now_ns, struct sink *sink)
{
	const bool under_voltage = safety_under_voltage(&c->safety);

	if (safety_ack(&c->safety, now_ns, recover, sink) && recover && under_voltage) {
		limiter_release(&c->limiter[DIR_CHARGE]);
	}
}

static void take(struct cycle *c, const struct command *cmd, int64_t now_ns, struct sink *sink)
{
	if (!acceptable(c, cmd)) {
		sink_emit(sink, EVENT_COMMAND_REFUSED, sat_i32(cmd->kind), cmd->value_ma,
			  cmd->ttl_ms, 0);
		return;
	}
	if (cmd->kind == COMMAND_ACK) {
		take_ack(c, cmd->value_ma != 0, now_ns, sink);
		return;
	}
	if (cmd->kind == COMMAND_RELEASE) {
		for (uint32_t i = 0; i < COMMANDS; i++) {
			c->lease[i].active = false;
		}
	} else {
		c->lease[cmd->kind] = (struct lease){
			.until_ns = now_ns + cmd->ttl_ms * NS_PER_MS,
			/* The largest number is what no lease at all looks like. */
			.value_ma = min_i32(cmd->value_ma, INT32_MAX - 1),
			.active = true,
		};
	}
	sink_emit(sink, EVENT_COMMAND_ACCEPTED, (int32_t)cmd->kind, cmd->value_ma, cmd->ttl_ms, 0);
}

void cycle_take_commands(struct cycle *c, const struct cycle_in *in, struct sink *sink)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (c->lease[i].active && in->now_ns >= c->lease[i].until_ns) {
			c->lease[i].active = false;
			sink_emit(sink, EVENT_COMMAND_EXPIRED, (int32_t)i, 0, 0, 0);
		}
	}
	for (uint32_t i = 0; i < CYCLE_COMMAND_MAX && i < in->command_len; i++) {
		take(c, &in->command[i], in->now_ns, sink);
	}
}

void cycle_end_leases(struct cycle *c, struct sink *sink)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (c->lease[i].active) {
			c->lease[i].active = false;
			sink_emit(sink, EVENT_COMMAND_EXPIRED, (int32_t)i, 0, 0, 0);
		}
	}
}

int32_t cycle_lease(const struct cycle *c, enum command_kind kind)
{
	return c->lease[kind].active ? c->lease[kind].value_ma : INT32_MAX;
}
