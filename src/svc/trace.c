/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input trace. Producer: the inputs of a step become a few fixed-size records, all of them or none.
 * Consumer: a thread makes text of them.
 */
#include "svc/trace.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "thread.h"
#include "settings_text.h"

#define TRACE_PERIOD_NS (50 * NS_PER_MS)
#define TRACE_STACK	((size_t)128 * 1024)
#define FLUSH_NS	NS_PER_S

enum record_kind {
	RECORD_STEP,
	RECORD_LINK,
	RECORD_GRID,
	RECORD_PEER_LOCAL,
	RECORD_PEER_PORTAL,
	RECORD_REFUSED,
	RECORD_GUARD,
	RECORD_COMMAND,
	RECORD_FRAME,
	RECORD_BYTES,
	RECORD_LOST,
};

#define RECORD_BYTES_MAX (TRACE_RECORD_SIZE - 8U)

struct record {
	uint32_t kind;
	uint32_t len; /* of bytes */
	union {
		struct {
			int64_t now_ns;
			int64_t boot_ns;
			uint32_t flags;
		} step;
		uint32_t link;
		uint32_t refused;
		uint32_t guard[2];
		struct grid_sample grid;
		struct peer_sample peer;
		struct command command;
		struct can_rx frame;
		uint8_t bytes[RECORD_BYTES_MAX];
		uint32_t lost;
	} u;
};

_Static_assert(sizeof(struct grid_sample) == 16 && sizeof(struct peer_sample) == 32, "no padding");
_Static_assert(sizeof(struct record) == TRACE_RECORD_SIZE, "fixed record");
/* Step, loss, link, grid, 2 peers, refused frames, guard; commands; frames; pieces of bytes. */
#define RECORDS_PER_STEP_MAX                         \
	(8U + CYCLE_COMMAND_MAX + CYCLE_CAN_RX_MAX + \
	 (CYCLE_RX_MAX + RECORD_BYTES_MAX - 1U) / RECORD_BYTES_MAX)
_Static_assert(RECORDS_PER_STEP_MAX < TRACE_RECORDS / 4, "room for some steps at least");

static void put(struct trace *t, const struct record *r)
{
	(void)ring_push(&t->ring, r); /* room was checked before */
}

static bool has_room(const struct trace *t)
{
	/* The producer's view of the ring, pessimistic: the consumer only makes room. */
	const uint32_t head = atomic_load_explicit(&t->ring.head, memory_order_relaxed);
	const uint32_t tail = atomic_load_explicit(&t->ring.tail, memory_order_acquire);

	return t->ring.count - (head - tail) >= RECORDS_PER_STEP_MAX;
}

static uint32_t step_flags(const struct cycle_in *in)
{
	return (in->tty_open ? TRACE_TTY_OPEN : 0U) |
	       (in->request_failed ? TRACE_REQUEST_FAILED : 0U) |
	       (in->guard_ok ? TRACE_GUARD_OK : 0U) | (in->stop ? TRACE_STOP : 0U) |
	       (in->reload ? TRACE_RELOAD : 0U);
}

static void put_peer(struct trace *t, const struct peer_sample *now, uint32_t kind)
{
	struct peer_sample *before = &t->peer[kind - RECORD_PEER_LOCAL];
	struct record r = {.kind = kind};

	/* No padding: eight byte words and then pairs of four. */
	if (memcmp(now, before, sizeof(*now)) != 0) {
		*before = *now;
		r.u.peer = *now;
		put(t, &r);
	}
}

static void put_house(struct trace *t, const struct cycle_in *in)
{
	struct record r = {.kind = RECORD_GRID};

	if (memcmp(&in->grid, &t->grid, sizeof(t->grid)) != 0) {
		t->grid = in->grid;
		r.u.grid = in->grid;
		put(t, &r);
	}
	put_peer(t, &in->peer_local, RECORD_PEER_LOCAL);
	put_peer(t, &in->peer_portal, RECORD_PEER_PORTAL);
}

static void put_changes(struct trace *t, const struct cycle_in *in)
{
	struct record r = {.kind = RECORD_LINK};

	if (in->can_link != t->link) {
		t->link = in->can_link;
		r.u.link = in->can_link;
		put(t, &r);
	}
	put_house(t, in);
	if (in->can_lost != 0U) {
		r.kind = RECORD_REFUSED;
		r.u.refused = in->can_lost;
		put(t, &r);
	}
	if (in->relay != t->relay || in->latch != 0U) {
		t->relay = in->relay;
		r.kind = RECORD_GUARD;
		r.u.guard[0] = in->relay;
		r.u.guard[1] = in->latch;
		put(t, &r);
	}
}

static void put_lists(struct trace *t, const struct cycle_in *in)
{
	struct record r = {.kind = RECORD_COMMAND};

	for (uint32_t i = 0; i < in->command_len; i++) {
		r.u.command = in->command[i];
		put(t, &r);
	}
	r.kind = RECORD_FRAME;
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		r.u.frame = in->can_rx[i];
		put(t, &r);
	}
	r.kind = RECORD_BYTES;
	for (uint32_t at = 0; at < in->rx_len; at += r.len) {
		const uint32_t rest = in->rx_len - at;

		r.len = rest < RECORD_BYTES_MAX ? rest : RECORD_BYTES_MAX;
		memcpy(r.u.bytes, in->rx + at, r.len);
		put(t, &r);
	}
}

uint32_t trace_step(void *context, const struct cycle_in *in)
{
	struct trace *t = context;
	struct record r = {.kind = RECORD_STEP};

	assert(in->command_len <= CYCLE_COMMAND_MAX && in->can_rx_len <= CYCLE_CAN_RX_MAX &&
	       in->rx_len <= CYCLE_RX_MAX);
	if (!has_room(t)) {
		t->lost_steps++;
		t->lost_total++;
		return t->lost_total;
	}
	if (t->lost_steps > 0U) {
		r.kind = RECORD_LOST;
		r.u.lost = t->lost_steps;
		put(t, &r);
		t->lost_steps = 0U;
		r.kind = RECORD_STEP;
	}
	r.u.step.now_ns = in->now_ns;
	r.u.step.boot_ns = in->boot_ns;
	r.u.step.flags = step_flags(in);
	put(t, &r);
	put_changes(t, in);
	put_lists(t, in);
	return t->lost_total;
}

static void write_hex(FILE *f, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		fprintf(f, "%02x", bytes[i]);
	}
}

static void write_time(FILE *f, int64_t t_ns)
{
	if (t_ns == TIME_NEVER) {
		fputs(" -", f);
	} else {
		fprintf(f, " %" PRId64, t_ns);
	}
}

static void write_value(FILE *f, int32_t value)
{
	if (value == SOURCE_NO_VALUE) {
		fputs(" -", f);
	} else {
		fprintf(f, " %d", value);
	}
}

static void write_grid(FILE *f, const struct grid_sample *g)
{
	fputc('M', f);
	write_time(f, g->t_ns);
	write_value(f, g->power_w);
	fprintf(f, " %u\n", g->serial);
}

static void write_peer(FILE *f, const struct peer_sample *p, bool portal)
{
	fputs(portal ? "P p" : "P l", f);
	write_time(f, p->t_ns);
	fprintf(f, " %u %u", p->source, p->mode);
	write_value(f, p->current_ma);
	write_value(f, p->power_w);
	write_value(f, p->voltage_mv);
	write_value(f, p->soc_pct);
	fputc('\n', f);
}

static void write_frame(FILE *f, const struct can_rx *frame)
{
	const uint32_t len = frame->msg.len <= CAN_MSG_DATA_MAX ? frame->msg.len : CAN_MSG_DATA_MAX;

	fprintf(f, "F %03X#", frame->msg.id);
	write_hex(f, frame->msg.data, len);
	fputs(frame->origin == CAN_OWN ? " o\n" : " b\n", f);
}

static void write_record(FILE *f, const struct record *r)
{
	switch (r->kind) {
	case RECORD_STEP:
		fprintf(f, "S %" PRId64 " %" PRId64 " %x\n", r->u.step.now_ns, r->u.step.boot_ns,
			r->u.step.flags);
		break;
	case RECORD_LINK:
		fprintf(f, "L %u\n", r->u.link);
		break;
	case RECORD_GRID:
		write_grid(f, &r->u.grid);
		break;
	case RECORD_PEER_LOCAL:
	case RECORD_PEER_PORTAL:
		write_peer(f, &r->u.peer, r->kind == RECORD_PEER_PORTAL);
		break;
	case RECORD_REFUSED:
		fprintf(f, "D %x\n", r->u.refused);
		break;
	case RECORD_GUARD:
		fprintf(f, "G %u %u\n", r->u.guard[0], r->u.guard[1]);
		break;
	case RECORD_COMMAND:
		fprintf(f, "K %u %d %d %u\n", r->u.command.kind, r->u.command.value,
			r->u.command.ttl_ms, r->u.command.local);
		break;
	case RECORD_FRAME:
		write_frame(f, &r->u.frame);
		break;
	case RECORD_BYTES:
		fputs("R ", f);
		write_hex(f, r->u.bytes, r->len);
		fputc('\n', f);
		break;
	case RECORD_LOST:
		fprintf(f, "X %u\n", r->u.lost);
		break;
	default:
		break;
	}
}

static uint32_t drain(struct trace *t)
{
	struct record r;
	uint32_t n = 0U;

	while (n < TRACE_RECORDS && ring_pop(&t->ring, &r)) {
		write_record(t->file, &r);
		n++;
	}
	return n;
}

static void *trace_run(void *arg)
{
	struct trace *t = arg;
	const struct timespec period = {.tv_nsec = (long)TRACE_PERIOD_NS};
	int64_t slept_ns = 0;

	while (atomic_load_explicit(&t->quit, memory_order_relaxed) == 0U) {
		(void)drain(t);
		slept_ns += TRACE_PERIOD_NS;
		if (slept_ns >= FLUSH_NS) {
			slept_ns = 0;
			(void)fflush(t->file);
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
	}
	while (drain(t) > 0U) {
		/* the producer has ended: the ring only gets emptier */
	}
	return NULL;
}

int trace_open(struct trace *t, const char *path, const char *config_text)
{
	memset(t, 0, sizeof(*t));
	t->grid = GRID_NONE;
	t->peer[0] = PEER_NONE_HEARD;
	t->peer[1] = PEER_NONE_HEARD;
	atomic_init(&t->quit, 0U);
	uint8_t *storage = malloc((size_t)TRACE_RECORDS * TRACE_RECORD_SIZE);

	if (storage == NULL) {
		return -ENOMEM;
	}
	/* Touch it: the cycle thread must not be the first. */
	memset(storage, 0, (size_t)TRACE_RECORDS * TRACE_RECORD_SIZE);
	const int r = ring_init(&t->ring, storage, TRACE_RECORDS, TRACE_RECORD_SIZE);
	FILE *f = r == 0 ? fopen(path, "we") : NULL;

	if (f == NULL) {
		const int error = r == 0 ? -errno : r;

		free(storage);
		return error;
	}
	fputs(TRACE_FORMAT "\n", f);
	settings_text_write(f, config_text, "C ");
	t->storage = storage;
	t->file = f;
	return 0;
}

void trace_start_point(struct trace *t, int64_t now_ns, int64_t boot_ns, const struct held *held)
{
	fprintf(t->file, "I %" PRId64 " %" PRId64 "\n", now_ns, boot_ns);
	if (held != NULL) {
		const struct safety_kept *k = &held->kept;

		fputc('H', t->file);
		write_time(t->file, held->t_ns);
		fprintf(t->file, " %d %d %d %d %d %u %u %u %u", held->pack_mv, held->pack_ma,
			held->temp_dc, held->soc_pct, held->cells, held->reload, k->latched,
			k->level, k->tripped);
		for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
			write_time(t->file, k->reclose_ns[i]);
		}
		fprintf(t->file, " %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, k->closed,
			k->over_ns[0], k->over_ns[1], k->zero_ns[0], k->zero_ns[1]);
		write_time(t->file, k->heard_ns);
		fputc('\n', t->file);
	}
}

int trace_start(struct trace *t)
{
	const struct thread_spec spec = {.run = trace_run, .arg = t, .stack = TRACE_STACK};
	const int r = thread_start(&spec, &t->thread);

	if (r != 0) {
		return r;
	}
	(void)pthread_setname_np(t->thread, "trace");
	t->running = true;
	return 0;
}

void trace_stop(struct trace *t)
{
	if (t->file == NULL) {
		return;
	}
	if (t->running) {
		atomic_store_explicit(&t->quit, 1U, memory_order_relaxed);
		pthread_join(t->thread, NULL);
		t->running = false;
	}
	fputs("Z\n", t->file);
	(void)fclose(t->file);
	t->file = NULL;
	free(t->storage);
	t->storage = NULL;
}
