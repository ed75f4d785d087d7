/* SPDX-License-Identifier: Apache-2.0 */
/* A run as lines for other programs: CSV, the log format of candump, a text trace. */
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "replay.h"
#include "svc/trace.h"

#define TENTHS	10
#define MILLI	1000
#define CAN_DEV "can0"
#define NO_TIME "-"

static void put_fixed(FILE *f, int32_t v, int32_t unit, int digits)
{
	const int64_t a = v < 0 ? -(int64_t)v : v;

	fprintf(f, ",%s%" PRId64 ".%0*" PRId64, v < 0 ? "-" : "", a / unit, digits, a % unit);
}

static void csv_begin(struct replay_source *s, void *self)
{
	struct replay_table *t = self;

	(void)s;
	if (t->last_ns == 0) {
		fputs("seconds,time,step,reason,relay,permit,charge_A,charge_by,charge_envelope_A,"
		      "discharge_A,discharge_by,discharge_envelope_A,cvl_V,soc_pct,pack_V,pack_A,"
		      "cell_min_V,cell_min_no,cell_max_V,cell_max_no,probe1_C,probe2_C,mosfet_C,"
		      "age_ms,grid_W,other_W\n",
		      t->f);
	}
}

static void put_temperature(FILE *f, bool valid, int32_t dc)
{
	if (valid) {
		put_fixed(f, dc, TENTHS, 1);
	} else {
		fputc(',', f);
	}
}

static void put_watt(FILE *f, int32_t w)
{
	/* A direction without a size has no number either. */
	if (w == SOURCE_NO_VALUE || w == INT32_MAX || w == -INT32_MAX) {
		fputc(',', f);
	} else {
		fprintf(f, ",%" PRId32, w);
	}
}

static void csv_line(const struct replay_source *s, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(s->core);
	const struct sample *p = &t->sample;
	char wall[REPLAY_WALL_MAX];

	replay_print_seconds(s, f);
	fprintf(f, ",%s,%s,%s,%s,%d", s->has_wall ? replay_wall(s, s->in->now_ns, wall) : "",
		step_name((int32_t)t->step), reason_name((int32_t)t->reason),
		relay_state_name((int32_t)s->in->relay), s->out->permit ? 1 : 0);
	for (int d = 0; d < DIRS; d++) {
		put_fixed(f, t->limit_ma[d], MILLI, 3);
		fprintf(f, ",%s", rule_name(t->limited_by[d]));
		put_fixed(f, t->envelope_ma[d], MILLI, 3);
	}
	put_fixed(f, t->cvl_mv, MILLI, 3);
	fprintf(f, ",%u", p->soc_pct);
	put_fixed(f, p->pack_mv, MILLI, 3);
	put_fixed(f, p->pack_ma, MILLI, 3);
	put_fixed(f, p->cell_min_mv, MILLI, 3);
	fprintf(f, ",%u", p->cell_min_no);
	put_fixed(f, p->cell_max_mv, MILLI, 3);
	fprintf(f, ",%u", p->cell_max_no);
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		put_temperature(f, p->probe_valid[i], p->probe_dc[i]);
	}
	put_temperature(f, p->mos_valid, p->mos_dc);
	if (t->age_ms == INT32_MAX) {
		fputc(',', f);
	} else {
		fprintf(f, ",%" PRId32, t->age_ms);
	}
	put_watt(f, t->grid_w);
	put_watt(f, t->peer_w);
	fputc('\n', f);
}

static bool csv_step(struct replay_source *s, void *self)
{
	struct replay_table *v = self;
	const struct telemetry *t = cycle_telemetry(s->core);
	const bool news = v->step != t->step || v->relay != s->in->relay ||
			  v->limited_by[DIR_CHARGE] != t->limited_by[DIR_CHARGE] ||
			  v->limited_by[DIR_DISCHARGE] != t->limited_by[DIR_DISCHARGE];

	if (v->last_ns == 0 || news || s->in->now_ns - v->last_ns >= v->every_ms * NS_PER_MS) {
		v->last_ns = s->in->now_ns;
		v->step = t->step;
		v->relay = s->in->relay;
		memcpy(v->limited_by, t->limited_by, sizeof(v->limited_by));
		csv_line(s, v->f);
	}
	return true;
}

const struct replay_view replay_csv = {.begin = csv_begin, .step = csv_step};

/* Frames as they were on the bus: ours when the controller confirmed them. */
static bool candump_step(struct replay_source *s, void *self)
{
	struct replay_table *v = self;
	const char *interface = s->config.can_interface;
	const int64_t t_us = (s->in->now_ns + (s->has_wall ? s->wall_offset_ns : 0)) / NS_PER_US;

	if (strchr(interface, ':') != NULL) {
		interface =
			CAN_DEV; /* the bench bus has no name that a reader of such logs takes */
	}
	for (uint32_t i = 0; i < s->in->can_rx_len; i++) {
		const struct can_msg *m = &s->in->can_rx[i].msg;

		fprintf(v->f, "(%010" PRId64 ".%06" PRId64 ") %s %03X#", t_us / 1000000,
			t_us % 1000000, interface, m->id);
		for (uint32_t b = 0; b < m->len && b < CAN_MSG_DATA_MAX; b++) {
			fprintf(v->f, "%02X", m->data[b]);
		}
		fputc('\n', v->f);
	}
	return true;
}

const struct replay_view replay_candump = {.step = candump_step};

static void put_hex(FILE *f, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		fprintf(f, "%02x", bytes[i]);
	}
}

static void put_time(FILE *f, int64_t t_ns)
{
	if (t_ns == TIME_NEVER) {
		fputs(" " NO_TIME, f);
	} else {
		fprintf(f, " %" PRId64, t_ns);
	}
}

static void put_value(FILE *f, int32_t v)
{
	if (v == SOURCE_NO_VALUE) {
		fputs(" " NO_TIME, f);
	} else {
		fprintf(f, " %" PRId32, v);
	}
}

/* What the text says only when it changes; the beginning is that of the format. */
struct said {
	bool begun;
	uint32_t link;
	uint32_t relay;
	struct grid_sample grid;
	struct peer_sample peer[2];
};

static struct said said;

static void trace_begin(struct replay_source *s, void *self)
{
	const struct replay_table *v = self;
	const char *text = (const char *)s->bytes + s->head.config_at;
	const char *end = text + s->head.config_len;

	if (said.begun) {
		return;
	}
	said = (struct said){.begun = true, .grid = GRID_NONE};
	said.peer[0] = PEER_NONE_HEARD;
	said.peer[1] = PEER_NONE_HEARD;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const size_t n = (size_t)((stop != NULL ? stop : end) - text);

		fprintf(v->f, "C %.*s\n", (int)n, text);
		text += n + 1U;
	}
	fprintf(v->f, "I %" PRId64 " %" PRId64 "\n", s->record.item.now_ns, s->record.item.boot_ns);
}

static void trace_lost(struct replay_source *s, void *self)
{
	const struct replay_table *v = self;

	fprintf(v->f, "X %" PRIu32 "\n", s->lost);
}

static void put_peer(FILE *f, struct peer_sample *before, const struct peer_sample *p, char which)
{
	if (memcmp(before, p, sizeof(*p)) == 0) {
		return;
	}
	*before = *p;
	fprintf(f, "P %c", which);
	put_time(f, p->t_ns);
	fprintf(f, " %" PRIu32 " %" PRIu32, p->source, p->mode);
	put_value(f, p->current_ma);
	put_value(f, p->power_w);
	put_value(f, p->voltage_mv);
	put_value(f, p->soc_pct);
	fputc('\n', f);
}

static void put_changes(const struct cycle_in *in, FILE *f)
{
	if (in->can_link != said.link) {
		said.link = in->can_link;
		fprintf(f, "L %" PRIu32 "\n", in->can_link);
	}
	if (memcmp(&said.grid, &in->grid, sizeof(in->grid)) != 0) {
		said.grid = in->grid;
		fputc('M', f);
		put_time(f, in->grid.t_ns);
		put_value(f, in->grid.power_w);
		fprintf(f, " %" PRIu32 "\n", in->grid.serial);
	}
	put_peer(f, &said.peer[0], &in->peer_local, 'l');
	put_peer(f, &said.peer[1], &in->peer_portal, 'p');
	if (in->can_lost != 0U) {
		fprintf(f, "D %" PRIx32 "\n", in->can_lost);
	}
	if (in->relay != said.relay || in->latch != 0U) {
		said.relay = in->relay;
		fprintf(f, "G %" PRIu32 " %" PRIu32 "\n", in->relay, in->latch);
	}
}

static bool trace_step_line(struct replay_source *s, void *self)
{
	const struct cycle_in *in = s->in;
	FILE *f = ((const struct replay_table *)self)->f;
	const uint32_t flags = (in->tty_open ? TRACE_TTY_OPEN : 0U) |
			       (in->request_failed ? TRACE_REQUEST_FAILED : 0U) |
			       (in->guard_ok ? TRACE_GUARD_OK : 0U) | (in->stop ? TRACE_STOP : 0U) |
			       (in->reload ? TRACE_RELOAD : 0U);

	fprintf(f, "S %" PRId64 " %" PRId64 " %" PRIx32 "\n", in->now_ns, in->boot_ns, flags);
	put_changes(in, f);
	for (uint32_t i = 0; i < in->command_len; i++) {
		fprintf(f, "K %" PRIu32 " %" PRId32 " %" PRId32 " %" PRIu32 "\n",
			in->command[i].kind, in->command[i].value, in->command[i].ttl_ms,
			in->command[i].local);
	}
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		const struct can_rx *rx = &in->can_rx[i];

		fprintf(f, "F %03X#", rx->msg.id);
		put_hex(f, rx->msg.data, rx->msg.len);
		fputs(rx->origin == CAN_OWN ? " o\n" : " b\n", f);
	}
	if (in->rx_len > 0U) {
		fputs("R ", f);
		put_hex(f, in->rx, in->rx_len);
		fputc('\n', f);
	}
	return true;
}

static void trace_end(struct replay_source *s, void *self)
{
	(void)s;
	fputs("Z\n", ((const struct replay_table *)self)->f);
}

const struct replay_view replay_text_trace = {
	.begin = trace_begin, .lost = trace_lost, .step = trace_step_line, .end = trace_end};
