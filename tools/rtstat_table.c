/* SPDX-License-Identifier: Apache-2.0 */
/* Text output of rtstat: names, table, histogram of bars. See rtstat.h. */
#include "rtstat.h"

#include <inttypes.h>
#include <string.h>

#include "base/rule.h"

#define PPM_50	  500000U
#define PPM_99	  990000U
#define PPM_999	  999000U
#define DS_PER_S  10U
#define NAME_COLS 12
#define COUNTERS  3  /* side by side */
#define LEVELS_N  6  /* 1, 2, 4 ... 32 buckets to a row */
#define BAR_FIXED 46 /* columns of a row of bars beside the bar */
#define BAR_MIN	  10
#define PERCENT	  100.0

void rtstat_list(FILE *f)
{
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		fprintf(f, "%-21s %s: from: %s; to: %s\n", stats_time_name(i), stats_time_text(i),
			stats_time_from(i), stats_time_to(i));
	}
	for (size_t i = 0; i < rtstat_counters_len; i++) {
		fprintf(f, "%-21s %s\n", rtstat_counters[i].name, rtstat_counters[i].text);
	}
}

void rtstat_heading(FILE *f, const struct rtstat_page *page)
{
	const uint32_t flags = page->loop.flags;
	char up[RTSTAT_SHORT];
	char measured[RTSTAT_SHORT];
	char period[RTSTAT_SHORT];

	rtstat_duration(page->loop.t_ns - page->header.start_ns, up);
	rtstat_duration(rtstat_measured_ns(page), measured);
	rtstat_ns(page->loop.period_ns, period);
	if (page->dead[0] != '\0') {
		fprintf(f, "NOT RUNNING: %s\n", page->dead);
	}
	fprintf(f, "%s, process %d, up %s, measured for %s, %s, CAN %s\n", page->header.program,
		page->header.pid, up, measured, step_name((int32_t)page->telemetry.step),
		can_link_name((int32_t)page->telemetry.can_link));
	fprintf(f, "period %s, %s, memory %s%s%s%s%s\n", period,
		(flags & STATS_FIFO) != 0U ? "SCHED_FIFO" : "NO REALTIME SCHEDULING",
		(flags & STATS_LOCKED) != 0U ? "locked" : "NOT LOCKED",
		(flags & STATS_PINNED) != 0U ? ", pinned to a processor" : "",
		(flags & STATS_DMA_LATENCY) != 0U ? ", no deep idle states" : "",
		(flags & STATS_TRACING) != 0U ? ", tracing" : "",
		(flags & STATS_DRY_RUN) != 0U ? ", dry run: nothing is sent" : "");
}

static void print_time(FILE *f, const struct rtstat_page *page, uint32_t time)
{
	const struct rtstat_time t = rtstat_time(page, time);
	char min[RTSTAT_SHORT];
	char p50[RTSTAT_SHORT];
	char p99[RTSTAT_SHORT];
	char p999[RTSTAT_SHORT];
	char max[RTSTAT_SHORT];

	if (t.count == 0U) {
		fprintf(f, "%-*s %10s\n", NAME_COLS, stats_time_name(time), "none");
		return;
	}
	fprintf(f, "%-*s %10" PRIu64 " %9s %9s %9s %9s %9s\n", NAME_COLS, stats_time_name(time),
		t.count, rtstat_ns(t.min_ns, min),
		rtstat_ns(rtstat_quantile(page, time, PPM_50), p50),
		rtstat_ns(rtstat_quantile(page, time, PPM_99), p99),
		rtstat_ns(rtstat_quantile(page, time, PPM_999), p999), rtstat_ns(t.max_ns, max));
}

static void print_rules(FILE *f, const struct rtstat_page *page)
{
	for (uint32_t d = 0; d < DIRS; d++) {
		for (uint32_t rule = 0; rule < RULES; rule++) {
			char lasted[RTSTAT_SHORT];
			const int64_t ns = page->lasted_ds[d][rule] * (NS_PER_S / DS_PER_S);

			if (page->came[d][rule] != 0U || ns != 0) {
				fprintf(f, "%-9s  %-13s %8u x  %s\n", dir_name((int32_t)d),
					rule_name(rule), page->came[d][rule],
					rtstat_duration(ns, lasted));
			}
		}
	}
}

void rtstat_table(FILE *f, const struct rtstat_page *page)
{
	int column = 0;

	rtstat_heading(f, page);
	fprintf(f, "\n%-*s %10s %9s %9s %9s %9s %9s\n", NAME_COLS, "", "count", "min", "p50", "p99",
		"p99.9", "max");
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		print_time(f, page, i);
	}
	fputc('\n', f);
	for (size_t i = 0; i < rtstat_counters_len; i++) {
		fprintf(f, "%-20s %10" PRId64, rtstat_counters[i].name,
			rtstat_counter(page, &rtstat_counters[i]));
		column = (column + 1) % COUNTERS;
		fputs(column == 0 ? "\n" : "   ", f);
	}
	fprintf(f, "%s\nlimit set by\n", column == 0 ? "" : "\n");
	print_rules(f, page);
}

/* ---- bars ---- */

struct bars {
	const uint32_t *cell;
	uint32_t per_row; /* buckets */
	uint32_t first;
	uint32_t last; /* row behind the last one with a value */
	uint64_t highest;
	uint64_t total;
};

static uint64_t row_count(const struct bars *b, uint32_t row)
{
	uint64_t n = 0;

	for (uint32_t i = row * b->per_row; i < (row + 1U) * b->per_row && i < STATS_HIST_BUCKETS;
	     i++) {
		n += b->cell[i];
	}
	return n;
}

static void measure(struct bars *b)
{
	const uint32_t rows = (STATS_HIST_BUCKETS + b->per_row - 1U) / b->per_row;

	b->first = rows;
	b->last = 0U;
	b->highest = 0U;
	for (uint32_t row = 0; row < rows; row++) {
		const uint64_t n = row_count(b, row);

		if (n != 0U) {
			b->first = row < b->first ? row : b->first;
			b->last = row + 1U;
			b->highest = n > b->highest ? n : b->highest;
		}
	}
}

static void print_row(FILE *f, const struct bars *b, uint32_t row, uint64_t passed, int width)
{
	const uint64_t n = row_count(b, row);
	const uint32_t end = (row + 1U) * b->per_row;
	const uint64_t bar = b->highest == 0U ? 0U : n * (uint64_t)width / b->highest;
	char low[RTSTAT_SHORT];
	char high[RTSTAT_SHORT];

	rtstat_ns(stats_hist_low_ns(row * b->per_row), low);
	rtstat_ns(stats_hist_low_ns(end < STATS_HIST_BUCKETS ? end : STATS_HIST_BUCKETS), high);
	fprintf(f, "%8s .. %8s |", low, high);
	for (uint64_t i = 0; i < (uint64_t)width; i++) {
		fputc(i < bar ? '#' : (i == 0U && n != 0U ? '.' : ' '), f);
	}
	fprintf(f, "| %9" PRIu64 " %8.4f %%\n", n, PERCENT * (double)passed / (double)b->total);
}

void rtstat_bars(FILE *f, const struct rtstat_page *page, uint32_t time, int rows, int columns)
{
	struct bars b = {.cell = page->cell[time], .per_row = 1U};
	const uint64_t overflow = b.cell[STATS_HIST_BUCKETS];
	const int width = columns - BAR_FIXED > BAR_MIN ? columns - BAR_FIXED : BAR_MIN;
	uint64_t passed = 0U;

	fprintf(f, "%s: %s\nfrom: %s\nto:   %s\n", stats_time_name(time), stats_time_text(time),
		stats_time_from(time), stats_time_to(time));
	b.total = stats_hist_count(b.cell);
	if (b.total == 0U) {
		fprintf(f, "no values yet\n");
		return;
	}
	measure(&b);
	for (int i = 1; i < LEVELS_N && (int)(b.last - b.first) > rows; i++) {
		b.per_row *= 2U;
		measure(&b);
	}
	for (uint32_t row = b.first; row < b.last; row++) {
		const uint64_t n = row_count(&b, row);

		passed += n;
		if (n != 0U) {
			print_row(f, &b, row, passed, width);
		} else if (row_count(&b, row - 1U) != 0U) {
			fprintf(f, "%8s ..\n", "");
		}
	}
	if (overflow != 0U) {
		fprintf(f, "%20s | %" PRIu64 " too large for the histogram\n", "> 10 s", overflow);
	}
}
