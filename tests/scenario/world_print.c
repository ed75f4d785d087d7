/* SPDX-License-Identifier: Apache-2.0 */
#include "world_print.h"

#include <inttypes.h>
#include <stdio.h>

static void print_hex(const char *what, const uint8_t *p, uint32_t len)
{
	printf("   %s", what);
	for (uint32_t i = 0; i < len && i < 24; i++) {
		printf(" %02X", p[i]);
	}
	printf("%s\n", len > 24 ? " ..." : "");
}

static void print_peer(const char *who, const struct cycle_in *in, const struct peer_sample *p)
{
	if (p->t_ns != TIME_NEVER) {
		printf("   other inverter (%s) age %" PRId32 " ms mode %" PRIu32 " %" PRId32
		       " mA %" PRId32 " W SoC %" PRId32 "\n",
		       who, time_ms_since(in->now_ns, p->t_ns), p->mode, p->current_ma, p->power_w,
		       p->soc_pct);
	}
}

static void print_inputs(const struct cycle_in *in)
{
	if (in->rx_len > 0) {
		printf("   rx %u bytes", (unsigned int)in->rx_len);
		print_hex("", in->rx, in->rx_len);
	}
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		printf("   can %s %03X\n", in->can_rx[i].origin == CAN_OWN ? "own" : "bus",
		       (unsigned int)in->can_rx[i].msg.id);
	}
	for (uint32_t i = 0; i < in->command_len; i++) {
		printf("   command %s value %" PRId32 " ttl %" PRId32 " local %" PRIu32 "\n",
		       command_name((int32_t)in->command[i].kind), in->command[i].value,
		       in->command[i].ttl_ms, in->command[i].local);
	}
	if (in->grid.t_ns != TIME_NEVER) {
		printf("   grid age %" PRId32 " ms %" PRId32 " W\n",
		       time_ms_since(in->now_ns, in->grid.t_ns), in->grid.power_w);
	}
	print_peer("itself", in, &in->peer_local);
	print_peer("portal", in, &in->peer_portal);
}

static void print_outputs(const struct world_trace *t)
{
	const struct telemetry *m = &t->tele;
	char text[160];

	for (uint32_t i = 0; i < t->out.can_tx_len && i < CYCLE_CAN_TX_MAX; i++) {
		const struct can_msg *f = &t->out.can_tx[i];

		(void)snprintf(text, sizeof(text), "tx %03X:", (unsigned int)f->id);
		print_hex(text, f->data, f->len);
	}
	for (uint32_t i = 0; i < t->out.event_len && i < CYCLE_EVENT_MAX; i++) {
		(void)event_format(&t->out.event[i], core_event_name, text, sizeof(text));
		printf("   event %s\n", text);
	}
	printf("   -> %s (%s) limits %" PRId32 " by %s, %" PRId32 " by %s; envelope %" PRId32
	       " %" PRId32 "; age %" PRId32 " permit %" PRIu32 " latched %" PRIu32 " SoC %" PRId32
	       " enables %02X%s%s\n",
	       step_name((int32_t)m->step), reason_name((int32_t)m->reason), m->limit_ma[0],
	       rule_name(m->limited_by[0]), m->limit_ma[1], rule_name(m->limited_by[1]),
	       m->envelope_ma[0], m->envelope_ma[1], m->age_ms, m->permit, m->latched,
	       m->soc_shown_pct, (unsigned int)m->enables, t->out.bms_tx_len > 0 ? ", request" : "",
	       t->out.can_flush ? ", flush" : "");
}

void world_print(const struct world *w)
{
	for (uint32_t i = 0; i < WORLD_TRACE; i++) {
		const struct world_trace *t = &w->trace[(w->trace_at + i) % WORLD_TRACE];

		if (t->step == 0) {
			continue;
		}
		printf("step %" PRIu64 " t %" PRId64 " ms, act %" PRIu32 ", tty %d, guard %d, "
		       "stop %d, request failed %d, boot-now %" PRId64 " ms\n",
		       t->step, t->now_ns / NS_PER_MS, t->action, t->in.tty_open, t->in.guard_ok,
		       t->in.stop, t->in.request_failed,
		       (t->in.boot_ns - t->in.now_ns) / NS_PER_MS);
		print_inputs(&t->in);
		print_outputs(t);
	}
}
