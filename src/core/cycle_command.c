/* SPDX-License-Identifier: Apache-2.0 */
/* Orders are leases: they lower, and they end by themselves (SAF-19). */
#include "base/units.h"
#include "cycle_private.h"

static bool is_lease(uint32_t kind)
{
	return kind == COMMAND_LIMIT_CHARGE || kind == COMMAND_LIMIT_DISCHARGE ||
	       kind == COMMAND_PAUSE_CHARGE || kind == COMMAND_PAUSE_DISCHARGE ||
	       kind == COMMAND_FULL_CHARGE || kind == COMMAND_SOC_MAX || kind == COMMAND_SOC_MIN;
}

static bool is_soc(uint32_t kind)
{
	return kind == COMMAND_SOC_MAX || kind == COMMAND_SOC_MIN;
}

static enum command_verdict judge_lease(const struct cycle *c, const struct command *cmd)
{
	if (cmd->ttl_ms < 1 || cmd->ttl_ms > COMMAND_TTL_MAX_MS) {
		return COMMAND_BAD_TIME;
	}
	if (cmd->value < 0 || (is_soc(cmd->kind) && cmd->value > COMMAND_SOC_MAX_PCT)) {
		return COMMAND_BAD_VALUE;
	}
	if (cmd->kind != COMMAND_FULL_CHARGE) {
		return COMMAND_ACCEPTED;
	}
	if (!c->config->allow_full_charge) {
		return COMMAND_NOT_ALLOWED;
	}
	return c->envelope_ma[DIR_CHARGE] > 0 ? COMMAND_ACCEPTED : COMMAND_NO_ENVELOPE;
}

static enum command_verdict judge(const struct cycle *c, const struct command *cmd)
{
	if (is_lease(cmd->kind)) {
		return judge_lease(c, cmd);
	}
	if (cmd->kind == COMMAND_RELEASE) {
		/* Withdrawing more than was asked for would raise: a wrong name withdraws nothing. */
		return cmd->value == COMMAND_NONE ||
				       (cmd->value > 0 && is_lease((uint32_t)cmd->value))
			       ? COMMAND_ACCEPTED
			       : COMMAND_BAD_VALUE;
	}
	if (cmd->kind == COMMAND_ACK) {
		return cmd->local != 0U ? COMMAND_ACCEPTED : COMMAND_NOT_LOCAL;
	}
	return COMMAND_BAD_KIND;
}

static void answer(struct cycle_out *out, uint32_t seq, uint32_t kind, enum command_verdict verdict)
{
	if (seq != 0U && out->answer_len < CYCLE_ANSWER_MAX) {
		out->answer[out->answer_len++] = (struct command_answer){seq, kind, verdict};
	}
}

static void end_lease(struct cycle *c, uint32_t kind, struct cycle_out *out,
		      enum command_verdict why)
{
	if (c->lease[kind].active) {
		c->lease[kind].active = false;
		answer(out, c->lease[kind].seq, kind, why);
	}
}

/* An attended recovery begins in the zone that the ratchet of charging keeps closed. */
static void take_ack(struct cycle *c, bool recover, int64_t now_ns, struct sink *sink)
{
	const bool under_voltage = safety_under_voltage(&c->safety);

	if (safety_ack(&c->safety, now_ns, recover, sink) && recover && under_voltage) {
		limiter_release(&c->limiter[DIR_CHARGE]);
	}
}

static void take_release(struct cycle *c, int32_t which, struct cycle_out *out)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (which == COMMAND_NONE || which == (int32_t)i) {
			end_lease(c, i, out, COMMAND_RELEASED);
		}
	}
}

static void take(struct cycle *c, const struct command *cmd, int64_t now_ns, struct cycle_out *out,
		 struct sink *sink)
{
	const enum command_verdict verdict = judge(c, cmd);

	answer(out, cmd->seq, cmd->kind, verdict);
	if (verdict != COMMAND_ACCEPTED) {
		sink_emit(sink, EVENT_COMMAND_REFUSED, sat_i32(cmd->kind), cmd->value, cmd->ttl_ms,
			  (int32_t)verdict);
		return;
	}
	if (cmd->kind == COMMAND_ACK) {
		take_ack(c, cmd->value != 0, now_ns, sink);
		return;
	}
	if (cmd->kind == COMMAND_RELEASE) {
		take_release(c, cmd->value, out);
		sink_emit(sink, EVENT_COMMAND_RELEASED, cmd->value, 0, 0, 0);
		return;
	}
	end_lease(c, cmd->kind, out, COMMAND_REPLACED);
	c->lease[cmd->kind] = (struct lease){
		.until_ns = now_ns + cmd->ttl_ms * NS_PER_MS,
		/* The largest number is what no lease at all looks like. */
		.value = min_i32(cmd->value, INT32_MAX - 1),
		.seq = cmd->seq,
		.active = true,
	};
	if (is_soc(cmd->kind)) {
		sink_emit(sink, EVENT_COMMAND_SOC, (int32_t)cmd->kind, cmd->value, cmd->ttl_ms, 0);
	} else {
		sink_emit(sink, EVENT_COMMAND_ACCEPTED, (int32_t)cmd->kind, cmd->value, cmd->ttl_ms,
			  0);
	}
}

/* Nobody knows on which side of the suspend an order was given. A leased one would begin anew. */
static bool is_too_late(const struct command *cmd, bool slept)
{
	return slept && cmd->kind != COMMAND_ACK && cmd->kind != COMMAND_RELEASE;
}

void cycle_take_commands(struct cycle *c, const struct cycle_in *in, bool slept,
			 struct cycle_out *out, struct sink *sink)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (c->lease[i].active && in->now_ns >= c->lease[i].until_ns) {
			end_lease(c, i, out, COMMAND_EXPIRED);
			sink_emit(sink, EVENT_COMMAND_EXPIRED, (int32_t)i, 0, 0, 0);
		}
	}
	for (uint32_t i = 0; i < CYCLE_COMMAND_MAX && i < in->command_len; i++) {
		if (is_too_late(&in->command[i], slept)) {
			answer(out, in->command[i].seq, in->command[i].kind, COMMAND_EXPIRED);
		} else {
			take(c, &in->command[i], in->now_ns, out, sink);
		}
	}
}

void cycle_end_leases(struct cycle *c, struct cycle_out *out, struct sink *sink)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (c->lease[i].active) {
			end_lease(c, i, out, COMMAND_EXPIRED);
			sink_emit(sink, EVENT_COMMAND_EXPIRED, (int32_t)i, 0, 0, 0);
		}
	}
}

int32_t cycle_lease(const struct cycle *c, enum command_kind kind)
{
	return c->lease[kind].active ? c->lease[kind].value : INT32_MAX;
}

/*
 * Whether a bound is reached. @room_pct: how far the SoC is inside of it, 0 = reached; it must be
 * SOC_BOUND_BACK_PCT inside, or as far as it can be, before current flows again.
 */
static bool soc_reached(bool was, bool known, int32_t room_pct, int32_t most_pct)
{
	/* A bound that cannot be judged holds: unknown is not "not reached". */
	return !known || room_pct <= 0 || (was && room_pct < min_i32(SOC_BOUND_BACK_PCT, most_pct));
}

void cycle_watch_soc(struct cycle *c)
{
	const struct lease *max = &c->lease[COMMAND_SOC_MAX];
	const struct lease *min = &c->lease[COMMAND_SOC_MIN];
	const bool known = c->have_sample && c->verdict.soc_valid;
	const int32_t soc_pct = c->held.soc_pct;
	bool *reached = c->soc_reached;

	reached[DIR_CHARGE] = max->active && max->value < COMMAND_SOC_MAX_PCT &&
			      soc_reached(reached[DIR_CHARGE], known, max->value - soc_pct,
					  max->value);
	reached[DIR_DISCHARGE] = min->active && min->value > 0 &&
				 soc_reached(reached[DIR_DISCHARGE], known, soc_pct - min->value,
					     COMMAND_SOC_MAX_PCT - min->value);
}
