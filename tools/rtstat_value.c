/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values of what the statistics page holds. See rtstat.h. */
#include "rtstat.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/units.h"

#define S_PER_MIN 60
#define S_PER_H	  3600
#define H_PER_D	  24
#define THREE	  1000

/* clang-format off */
#define FIELD(loop, type, field, gauge, sign, name, text) \
	{name, text, gauge, loop, sign, (uint8_t)sizeof(((struct type *)0)->field), \
	 (uint16_t)offsetof(struct type, field)}
#define COUNT_LOOP(field, name, text) FIELD(true, stats_loop, field, false, false, name, text)
#define COUNT_CORE(field, name, text) FIELD(false, telemetry, field, false, false, name, text)
#define GAUGE_LOOP(field, name, text) FIELD(true, stats_loop, field, true, false, name, text)
#define GAUGE_CORE(field, name, text) FIELD(false, telemetry, field, true, true, name, text)
#define VERDICT(verdict, name, text)  COUNT_CORE(count_verdict[verdict], name, text)
#define LINK(link, name, text)        COUNT_LOOP(can_state[link], name, text)

const struct rtstat_counter rtstat_counters[] = {
	COUNT_LOOP(cycles, "cycles", "periods of the cycle"),
	COUNT_LOOP(overruns, "overruns", "periods whose work ended behind the next wake-up"),
	COUNT_LOOP(missed, "missed", "periods that were skipped because of overruns"),
	COUNT_LOOP(minor_faults, "minor_faults", "page faults of the cycle without a disk"),
	COUNT_LOOP(major_faults, "major_faults", "page faults of the cycle with a disk"),
	COUNT_LOOP(voluntary, "voluntary_switches", "context switches because the cycle slept"),
	COUNT_LOOP(involuntary, "involuntary_switches", "context switches that were forced on the cycle"),
	COUNT_LOOP(commands, "orders", "orders that the cycle took from its rings"),
	COUNT_LOOP(events_lost, "events_lost", "events the logger was too slow for"),
	COUNT_LOOP(trace_lost, "trace_lost", "steps missing in the trace"),
	COUNT_LOOP(resets, "resets", "times the measurement was begun anew"),
	COUNT_CORE(count_requests, "bms_requests", "requests to the BMS"),
	COUNT_CORE(count_samples, "bms_samples", "replies that became a sample"),
	COUNT_CORE(count_late, "bms_late", "replies that came too late"),
	COUNT_CORE(count_implausible, "bms_implausible", "samples with a value that cannot be"),
	VERDICT(JK_OK, "bms_frames", "frames whose every check is right"),
	VERDICT(JK_NOISE, "bms_noise", "bytes that belong to no frame"),
	VERDICT(JK_BAD_LENGTH, "bms_bad_length", "frames with an impossible length"),
	VERDICT(JK_BAD_HEADER, "bms_bad_header", "frames with a header the protocol does not have"),
	VERDICT(JK_BAD_END, "bms_bad_end", "frames without the end mark"),
	VERDICT(JK_BAD_SUM_HIGH, "bms_bad_sum_high", "frames whose upper half of the sum is not 0"),
	VERDICT(JK_BAD_SUM, "bms_bad_sum", "frames with a wrong checksum"),
	VERDICT(JK_TRUNCATED, "bms_truncated", "frames in which the line fell silent"),
	VERDICT(JK_FOREIGN, "bms_foreign", "good frames that are no reply: echoes, requests"),
	VERDICT(JK_BAD_CELLS, "bms_bad_cells", "frames with an impossible list of cells"),
	VERDICT(JK_BAD_REGISTER, "bms_bad_register", "frames with an unknown or repeated register"),
	VERDICT(JK_BAD_VERSION, "bms_bad_version", "frames of an unknown protocol version"),
	VERDICT(JK_CELLS_DIFFER, "bms_cells_differ", "frames that contradict themselves on the number of cells"),
	COUNT_LOOP(serial_rx_bytes, "serial_rx_bytes", "bytes read from the BMS"),
	COUNT_LOOP(serial_tx_bytes, "serial_tx_bytes", "bytes written to the BMS"),
	COUNT_LOOP(serial.opens, "serial_opens", "times the serial device was opened"),
	COUNT_LOOP(serial.losses, "serial_losses", "times the serial device was lost"),
	COUNT_LOOP(serial.read_errors, "serial_read_errors", "reads that failed"),
	COUNT_LOOP(serial.write_errors, "serial_write_errors", "writes that failed or were incomplete"),
	COUNT_CORE(count_sets, "can_sets", "sets of frames begun"),
	COUNT_CORE(count_frames, "can_frames", "frames the core wanted sent"),
	COUNT_CORE(count_confirmed, "can_confirmed", "frames the controller confirmed as sent"),
	COUNT_CORE(count_alive, "can_alive", "frames 0x305 of the inverter"),
	COUNT_LOOP(can.tx, "can_tx", "frames the driver took"),
	COUNT_LOOP(can.tx_full, "can_tx_full", "attempts that met a full queue"),
	COUNT_LOOP(can.tx_dropped, "can_tx_dropped", "frames given up"),
	COUNT_LOOP(can.rx, "can_rx", "frames received, own ones included"),
	COUNT_LOOP(can.error_frames, "can_error_frames", "error frames of the controller"),
	COUNT_LOOP(can.restarts, "can_restarts", "attempts to leave bus-off"),
	COUNT_LOOP(can.reopens, "can_reopens", "sockets opened after the first one"),
	COUNT_LOOP(can.flushes, "can_flushes", "flushes of the driver's queue"),
	COUNT_LOOP(can.flush_refused, "can_flush_refused", "flushes that could not be done"),
	COUNT_LOOP(can.clients_dropped, "can_clients_dropped", "bench bus: nodes dropped"),
	LINK(CAN_LINK_ABSENT, "can_entered_absent", "times the interface vanished"),
	LINK(CAN_LINK_DOWN, "can_entered_down", "times the interface went down"),
	LINK(CAN_LINK_UP, "can_entered_up", "times the controller became error-active"),
	LINK(CAN_LINK_WARNING, "can_entered_warning", "times the controller reached its warning level"),
	LINK(CAN_LINK_PASSIVE, "can_entered_passive", "times the controller became error-passive"),
	LINK(CAN_LINK_BUS_OFF, "can_entered_bus_off", "times the controller went bus-off"),
	GAUGE_LOOP(can.tx_err, "can_tx_err", "transmit error counter of the controller"),
	GAUGE_LOOP(can.rx_err, "can_rx_err", "receive error counter of the controller"),
	GAUGE_LOOP(can.clients, "can_clients", "bench bus: nodes connected"),
	GAUGE_CORE(can_link, "can_link",
		   "state of the CAN link: 0 absent, 1 down, 2 up, 3 warning, 4 passive, 5 bus-off"),
	GAUGE_CORE(step, "step", "ladder: 0 init, 1 run, 2 caution, 3 stop, 4 hold, 5 trip"),
	GAUGE_CORE(age_ms, "age_ms", "age of the newest sample, ms; 2147483647 if there is none"),
};
/* clang-format on */

const size_t rtstat_counters_len = sizeof(rtstat_counters) / sizeof(rtstat_counters[0]);

int64_t rtstat_counter(const struct rtstat_page *page, const struct rtstat_counter *c)
{
	const char *at = (c->in_loop ? (const char *)&page->loop : (const char *)&page->telemetry) +
			 c->offset;
	uint32_t word;
	int64_t wide;

	if (c->size == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&word, at, sizeof(word));
	return c->is_signed ? (int64_t)(int32_t)word : (int64_t)word;
}

uint32_t rtstat_find_time(const char *name, size_t len)
{
	uint32_t i = 0;

	while (i < STATS_TIMES &&
	       (strlen(stats_time_name(i)) != len || memcmp(stats_time_name(i), name, len) != 0)) {
		i++;
	}
	return i;
}

/* The summary is written less often than the histogram: newer extremes show in the latter alone. */
static void widen(const uint32_t *cell, struct rtstat_time *t)
{
	uint32_t low = 0U;
	uint32_t high = STATS_HIST_BUCKETS;

	while (cell[low] == 0U) {
		low++;
	}
	while (cell[high] == 0U) {
		high--;
	}
	if (low < STATS_HIST_BUCKETS && stats_hist_low_ns(low + 1U) <= t->min_ns) {
		t->min_ns = stats_hist_low_ns(low);
	}
	if (high == STATS_HIST_BUCKETS && t->max_ns <= STATS_HIST_MAX_NS) {
		t->max_ns = INT64_MAX;
	} else if (high < STATS_HIST_BUCKETS && stats_hist_low_ns(high) > t->max_ns) {
		t->max_ns = stats_hist_low_ns(high + 1U);
	}
}

struct rtstat_time rtstat_time(const struct rtstat_page *page, uint32_t time)
{
	const struct stats_range *r = &page->loop.time[time];
	struct rtstat_time t = {
		.count = stats_hist_count(page->cell[time]),
		.overflow = page->cell[time][STATS_HIST_BUCKETS],
		.min_ns = INT64_MAX,
	};

	if (r->count != 0U && r->count <= INT64_MAX) {
		t.min_ns = r->min_ns;
		t.max_ns = r->max_ns;
		t.mean_ns = r->sum_ns / (int64_t)r->count;
	}
	if (t.count != 0U) {
		widen(page->cell[time], &t);
		t.mean_ns = clamp_i64(t.mean_ns, t.min_ns, t.max_ns);
	}
	return t;
}

int64_t rtstat_quantile(const struct rtstat_page *page, uint32_t time, uint32_t ppm)
{
	const struct rtstat_time t = rtstat_time(page, time);
	const int64_t ns = stats_hist_quantile_ns(page->cell[time], ppm);

	/* The middle of the first or the last bucket may lie outside of what was measured. */
	return t.count == 0U || ns == INT64_MAX ? ns : clamp_i64(ns, t.min_ns, t.max_ns);
}

int64_t rtstat_measured_ns(const struct rtstat_page *page)
{
	return page->loop.t_ns > page->loop.since_ns ? page->loop.t_ns - page->loop.since_ns : 0;
}

const char *rtstat_ns(int64_t ns, char *text)
{
	static const char *const unit[] = {"ns", "us", "ms", "s"};
	int64_t whole = ns;
	int64_t rest = 0;
	uint32_t u = 0;

	if (ns < 0) {
		snprintf(text, RTSTAT_SHORT, "-");
		return text;
	}
	if (ns == INT64_MAX) {
		snprintf(text, RTSTAT_SHORT, "> 10 s");
		return text;
	}
	while (whole >= THREE && u + 1U < sizeof(unit) / sizeof(unit[0])) {
		rest = whole % THREE;
		whole /= THREE;
		u++;
	}
	if (u == 0U || whole >= 100) {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 " %s", whole, unit[u]);
	} else if (whole >= 10) {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 ".%" PRId64 " %s", whole, rest / 100,
			 unit[u]);
	} else {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 ".%02" PRId64 " %s", whole, rest / 10,
			 unit[u]);
	}
	return text;
}

const char *rtstat_duration(int64_t ns, char *text)
{
	const int64_t s = ns / NS_PER_S;

	if (s < S_PER_MIN) {
		const int64_t ms = ns < 0 ? 0 : ns / NS_PER_MS;

		snprintf(text, RTSTAT_SHORT, "%" PRId64 ".%" PRId64 " s", ms / THREE,
			 ms % THREE / 100);
	} else if (s < S_PER_H) {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 " min %" PRId64 " s", s / S_PER_MIN,
			 s % S_PER_MIN);
	} else if (s < S_PER_H * H_PER_D) {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 " h %" PRId64 " min", s / S_PER_H,
			 s % S_PER_H / S_PER_MIN);
	} else {
		snprintf(text, RTSTAT_SHORT, "%" PRId64 " d %" PRId64 " h", s / S_PER_H / H_PER_D,
			 s / S_PER_H % H_PER_D);
	}
	return text;
}
