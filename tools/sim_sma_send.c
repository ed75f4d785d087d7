/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated meter sends, and when. */
#include <string.h>
#include <sys/socket.h>

#include "sim_sma.h"

#define NS_PER_S      INT64_C(1000000000)
#define NS_PER_MS     INT64_C(1000000)
#define MS_IN_S	      1000.0
#define VOLT	      230.0
#define LINES	      3
#define DW_PER_W      10.0
#define BATCH	      64U
#define BURST_MAX     4096U
#define FLOOD_TICK_NS NS_PER_MS
#define FLOOD_W	      65535.0
#define DATA_LEN_AT   13
#define IDLE_NS	      (50 * NS_PER_MS)

/* Of an inverter, published (kellerza/hassio-sma-em issue 27). */
static const uint8_t inverter[] = {
	0x53, 0x4D, 0x41, 0x00, 0x00, 0x04, 0x02, 0xA0, 0x00, 0x00, 0x00, 0x01, 0x00, 0x26, 0x00,
	0x10, 0x60, 0x65, 0x09, 0xA0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x74, 0x01,
	0x0A, 0x30, 0xB4, 0xB3, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9B, 0xC7, 0x00, 0x02, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static const uint8_t discovery[] = {'S', 'M', 'A', 0, 0, 4,  2, 0xA0, 255, 255,
				    255, 255, 0,   0, 0, 32, 0, 0,    0,   0};

bool sim_sma_kind(const char *name, enum sma_kind *ret_kind)
{
	for (int k = 0; k < SMA_KINDS; k++) {
		if (strcmp(name, sim_sma_kind_name((enum sma_kind)k)) == 0) {
			*ret_kind = (enum sma_kind)k;
			return true;
		}
	}
	return false;
}

const char *sim_sma_kind_name(enum sma_kind kind)
{
	static const char *const name[SMA_KINDS] = {"em", "hm", "unicast"};

	return name[kind];
}

static void set(struct speedwire_meter *m, int line, int quantity, double value)
{
	m->has_actual[line] = (uint16_t)(m->has_actual[line] | 1U << quantity);
	m->actual[line][quantity] = (uint32_t)(int64_t)value;
}

static void set_counter(struct speedwire_meter *m, int line, int quantity, double value)
{
	m->has_counter[line] = (uint16_t)(m->has_counter[line] | 1U << quantity);
	m->counter[line][quantity] = (uint64_t)value;
}

/* A pair of import and export, with its counters. */
static void set_pair(const struct sim_sma *s, struct speedwire_meter *m, int line, int quantity,
		     double watt, double share)
{
	set(m, line, quantity, watt > 0 ? watt * DW_PER_W + 0.5 : 0);
	set(m, line, quantity + 1, watt < 0 ? -watt * DW_PER_W + 0.5 : 0);
	set_counter(m, line, quantity, s->energy_ws[0] * share);
	set_counter(m, line, quantity + 1, s->energy_ws[1] * share);
}

static void fill(const struct sim_sma *s, uint32_t serial, double watt, struct speedwire_meter *m)
{
	static const uint16_t susy[SMA_KINDS] = {SPEEDWIRE_SUSY_EM_2, SPEEDWIRE_SUSY_HM_2,
						 SPEEDWIRE_SUSY_HM_2};
	static const uint8_t version[4] = {2, 0, 16, 'R'};

	*m = (struct speedwire_meter){
		.protocol = s->kind == SMA_KIND_UNICAST ? SPEEDWIRE_METER_2 : SPEEDWIRE_METER,
		.extra = s->kind == SMA_KIND_UNICAST ? 3 : 0,
		.susy = susy[s->kind],
		.serial = serial,
		.ticker_ms = s->ticker_ms,
		.has_version = true,
	};
	memcpy(m->version, version, sizeof(version));
	for (int line = SPEEDWIRE_SUM; line < SPEEDWIRE_LINES; line++) {
		const double share = line == SPEEDWIRE_SUM ? 1.0 : 1.0 / LINES;
		const double size = watt < 0 ? -watt : watt;

		set_pair(s, m, line, SPEEDWIRE_P_IMPORT, watt * share, share);
		set_pair(s, m, line, SPEEDWIRE_Q_IMPORT, 0, 0);
		set_pair(s, m, line, SPEEDWIRE_S_IMPORT, watt * share, share);
		set(m, line, SPEEDWIRE_POWER_FACTOR, MS_IN_S);
		if (line != SPEEDWIRE_SUM) {
			set(m, line, SPEEDWIRE_CURRENT, size * share / VOLT * MS_IN_S);
			set(m, line, SPEEDWIRE_VOLTAGE, VOLT * MS_IN_S);
		} else if (s->kind != SMA_KIND_EM) {
			set(m, line, SPEEDWIRE_FREQUENCY, 50.0 * MS_IN_S);
		}
	}
}

static void transmit(struct sim_sma *s, const uint8_t *data, size_t len, uint32_t *count)
{
	if (sendto(s->fd, data, len, 0, (const struct sockaddr *)&s->to, sizeof(s->to)) ==
	    (ssize_t)len) {
		(*count)++;
	} else {
		s->refused++;
	}
}

static void send_meter(struct sim_sma *s, uint32_t serial, double watt, uint32_t *count)
{
	uint8_t b[SPEEDWIRE_DATAGRAM_MAX];
	struct speedwire_meter m;

	fill(s, serial, watt, &m);
	size_t len = speedwire_encode(&m, b, sizeof(b));

	if (s->damage) {
		b[DATA_LEN_AT] ^= 1U;
	}
	if (s->truncate >= 0 && (size_t)s->truncate < len) {
		len = (size_t)s->truncate;
	}
	transmit(s, b, len, count);
}

static void send_own(struct sim_sma *s, int64_t period_ns)
{
	const double ws = s->power_w * (double)period_ns / (double)NS_PER_S;

	if (!s->silent) {
		send_meter(s, s->meter.serial, s->power_w, &s->sent);
		if (s->spoof != 0U) {
			send_meter(s, s->spoof, s->spoof_w, &s->sent_other);
		}
	}
	s->energy_ws[ws < 0 ? 1 : 0] += ws < 0 ? -ws : ws;
	s->ticker_ms += s->frozen ? 0U : (uint32_t)(period_ns / NS_PER_MS);
}

static void send_batch(struct sim_sma *s, const uint8_t *data, size_t len, unsigned int n)
{
	struct mmsghdr message[BATCH];
	struct iovec io = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};

	memset(message, 0, sizeof(message));
	for (unsigned int i = 0; i < n; i++) {
		message[i].msg_hdr.msg_name = &s->to;
		message[i].msg_hdr.msg_namelen = sizeof(s->to);
		message[i].msg_hdr.msg_iov = &io;
		message[i].msg_hdr.msg_iovlen = 1;
	}
	const int sent = sendmmsg(s->fd, message, n, 0);

	s->sent_other += sent > 0 ? (uint32_t)sent : 0U;
	s->refused += n - (sent > 0 ? (unsigned int)sent : 0U);
}

static void send_flood(struct sim_sma *s, int64_t now_ns)
{
	uint8_t b[SPEEDWIRE_DATAGRAM_MAX];
	struct speedwire_meter m;
	const double wanted = (double)(now_ns - s->flood_ns) / (double)NS_PER_S * s->flood;
	unsigned int left = wanted < BURST_MAX ? (unsigned int)wanted : BURST_MAX;

	fill(s, s->meter.serial, FLOOD_W, &m);
	m.protocol = s->flood_meter ? m.protocol : 0x6065;
	const size_t len = speedwire_encode(&m, b, sizeof(b));

	s->flood_ns = now_ns;
	while (left > 0U) {
		const unsigned int n = left < BATCH ? left : BATCH;

		send_batch(s, b, len, n);
		left -= n;
	}
}

static int64_t period(double rate)
{
	return (int64_t)((double)NS_PER_S / rate);
}

int64_t sim_sma_step(struct sim_sma *s, int64_t now_ns)
{
	int64_t next_ns = now_ns + IDLE_NS;

	if (now_ns >= s->due_ns) {
		send_own(s, period(s->rate));
		s->due_ns += period(s->rate);
		s->due_ns = s->due_ns > now_ns ? s->due_ns : now_ns + period(s->rate);
	}
	next_ns = s->due_ns < next_ns ? s->due_ns : next_ns;
	if (s->foreign > 0 && now_ns >= s->foreign_due_ns) {
		const bool odd = s->sent_other % 2U != 0U;

		transmit(s, odd ? discovery : inverter, odd ? sizeof(discovery) : sizeof(inverter),
			 &s->sent_other);
		s->foreign_due_ns = now_ns + period(s->foreign);
	}
	if (s->foreign > 0 && s->foreign_due_ns < next_ns) {
		next_ns = s->foreign_due_ns;
	}
	if (s->flood > 0 && now_ns - s->flood_ns >= FLOOD_TICK_NS) {
		send_flood(s, now_ns);
	}
	if (s->flood > 0 && now_ns + FLOOD_TICK_NS < next_ns) {
		next_ns = now_ns + FLOOD_TICK_NS;
	}
	return next_ns;
}
