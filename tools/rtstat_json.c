/* SPDX-License-Identifier: Apache-2.0 */
/* Output of rtstat for programs: JSON, and the text format of Prometheus. See rtstat.h. */
#include "rtstat.h"

#include <inttypes.h>

#include "base/rule.h"

#define DS_PER_S 10U
#define NS_IN_S	 1e9

struct quantile {
	const char *key;
	uint32_t ppm;
};

static const struct quantile quantiles[] = {
	{"p50_ns", 500000U}, {"p90_ns", 900000U},   {"p95_ns", 950000U},
	{"p99_ns", 990000U}, {"p99_9_ns", 999000U}, {"p99_99_ns", 999900U},
};

/* ---- JSON ---- */

static void json_ns(FILE *f, const char *key, bool known, int64_t ns)
{
	if (known && ns >= 0 && ns != INT64_MAX) {
		fprintf(f, ",\"%s\":%" PRId64, key, ns);
	} else {
		fprintf(f, ",\"%s\":null", key);
	}
}

static void json_time(FILE *f, const struct rtstat_page *page, uint32_t time)
{
	const struct rtstat_time t = rtstat_time(page, time);
	const uint32_t *cell = page->cell[time];
	const char *comma = "";

	fprintf(f, "\"%s\":{\"count\":%" PRIu64 ",\"overflow\":%" PRIu64, stats_time_name(time),
		t.count, t.overflow);
	json_ns(f, "min_ns", t.count != 0U, t.min_ns);
	json_ns(f, "mean_ns", t.count != 0U, t.mean_ns);
	json_ns(f, "max_ns", t.count != 0U, t.max_ns);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		json_ns(f, quantiles[i].key, t.count != 0U,
			rtstat_quantile(page, time, quantiles[i].ppm));
	}
	fprintf(f, ",\"buckets\":[");
	for (uint32_t i = 0; i < STATS_HIST_BUCKETS; i++) {
		if (cell[i] != 0U) {
			fprintf(f, "%s[%" PRId64 ",%" PRId64 ",%u]", comma, stats_hist_low_ns(i),
				stats_hist_low_ns(i + 1U), cell[i]);
			comma = ",";
		}
	}
	fprintf(f, "]}");
}

static void json_counters(FILE *f, const struct rtstat_page *page, bool gauge)
{
	const char *comma = "";

	for (size_t i = 0; i < rtstat_counters_len; i++) {
		if (rtstat_counters[i].gauge == gauge) {
			fprintf(f, "%s\"%s\":%" PRId64, comma, rtstat_counters[i].name,
				rtstat_counter(page, &rtstat_counters[i]));
			comma = ",";
		}
	}
}

static void json_rules(FILE *f, const struct rtstat_page *page, uint32_t dir)
{
	const char *comma = "";

	fprintf(f, "\"%s\":{", dir_name((int32_t)dir));
	for (uint32_t rule = 0; rule < RULES; rule++) {
		const uint32_t ds = page->lasted_ds[dir][rule];

		if (page->came[dir][rule] != 0U || ds != 0U) {
			fprintf(f, "%s\"%s\":{\"came\":%u,\"seconds\":%u.%u}", comma,
				rule_name(rule), page->came[dir][rule], ds / DS_PER_S,
				ds % DS_PER_S);
			comma = ",";
		}
	}
	fprintf(f, "}");
}

void rtstat_json(FILE *f, const struct rtstat_page *page)
{
	const uint32_t flags = page->loop.flags;

	fprintf(f,
		"{\"program\":\"%s\",\"layout\":%u,\"pid\":%d,\"boot_id\":\"%s\",\"running\":%s,"
		"\"start_wall_s\":%" PRId64 ",\"up_ns\":%" PRId64 ",\"measured_ns\":%" PRId64
		",\"period_ns\":%" PRId64 ",\"realtime\":%s,\"locked\":%s,\"dry_run\":%s,",
		page->header.program, page->header.version, page->header.pid, page->header.boot_id,
		page->dead[0] == '\0' ? "true" : "false", page->header.start_wall_s,
		page->loop.t_ns - page->header.start_ns, rtstat_measured_ns(page),
		page->loop.period_ns, (flags & STATS_FIFO) != 0U ? "true" : "false",
		(flags & STATS_LOCKED) != 0U ? "true" : "false",
		(flags & STATS_DRY_RUN) != 0U ? "true" : "false");
	fprintf(f, "\"times\":{");
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		fputs(i == 0U ? "" : ",", f);
		json_time(f, page, i);
	}
	fprintf(f, "},\"counters\":{");
	json_counters(f, page, false);
	fprintf(f, "},\"gauges\":{");
	json_counters(f, page, true);
	fprintf(f, "},\"limited\":{");
	for (uint32_t d = 0; d < DIRS; d++) {
		fputs(d == 0U ? "" : ",", f);
		json_rules(f, page, d);
	}
	fprintf(f, "}}\n");
}

/* ---- Prometheus ---- */

static void prom_head(FILE *f, const char *name, const char *suffix, const char *type,
		      const char *text)
{
	fprintf(f, "# HELP jkpylon_%s%s %s\n# TYPE jkpylon_%s%s %s\n", name, suffix, text, name,
		suffix, type);
}

/* A bound at each power of two: there the histogram knows the counts exactly. */
static void prom_time(FILE *f, const struct rtstat_page *page, uint32_t time)
{
	const char *name = stats_time_name(time);
	const struct rtstat_time t = rtstat_time(page, time);
	const struct stats_range *r = &page->loop.time[time];
	const uint32_t *cell = page->cell[time];
	uint64_t passed = 0U;

	fprintf(f, "# HELP jkpylon_%s_seconds %s: from: %s; to: %s\n", name, stats_time_text(time),
		stats_time_from(time), stats_time_to(time));
	fprintf(f, "# TYPE jkpylon_%s_seconds histogram\n", name);
	for (uint32_t i = 0; i < STATS_HIST_BUCKETS; i++) {
		passed += cell[i];
		if ((i + 1U) % STATS_HIST_SUB == 0U && i >= 2U * STATS_HIST_SUB - 1U) {
			fprintf(f, "jkpylon_%s_seconds_bucket{le=\"%.10g\"} %" PRIu64 "\n", name,
				(double)stats_hist_low_ns(i + 1U) / NS_IN_S, passed);
		}
	}
	fprintf(f, "jkpylon_%s_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, t.count);
	fprintf(f, "jkpylon_%s_seconds_sum %.9f\n", name, (double)r->sum_ns / NS_IN_S);
	fprintf(f, "jkpylon_%s_seconds_count %" PRIu64 "\n", name, t.count);
	if (t.count != 0U) {
		prom_head(f, name, "_max_seconds", "gauge",
			  "longest time since the measurement began");
		fprintf(f, "jkpylon_%s_max_seconds %.9f\n", name, (double)t.max_ns / NS_IN_S);
	}
}

static void prom_rules(FILE *f, const struct rtstat_page *page)
{
	prom_head(f, "limited", "_total", "counter", "times a rule came to set the limit");
	for (uint32_t d = 0; d < DIRS; d++) {
		for (uint32_t rule = 0; rule < RULES; rule++) {
			fprintf(f, "jkpylon_limited_total{direction=\"%s\",rule=\"%s\"} %u\n",
				dir_name((int32_t)d), rule_name(rule), page->came[d][rule]);
		}
	}
	prom_head(f, "limited", "_seconds_total", "counter", "how long a rule has set the limit");
	for (uint32_t d = 0; d < DIRS; d++) {
		for (uint32_t rule = 0; rule < RULES; rule++) {
			fprintf(f,
				"jkpylon_limited_seconds_total{direction=\"%s\",rule=\"%s\"} "
				"%u.%u\n",
				dir_name((int32_t)d), rule_name(rule),
				page->lasted_ds[d][rule] / DS_PER_S,
				page->lasted_ds[d][rule] % DS_PER_S);
		}
	}
}

void rtstat_prometheus(FILE *f, const struct rtstat_page *page)
{
	prom_head(f, "up", "", "gauge", "1 while the daemon writes its statistics page");
	fprintf(f, "jkpylon_up %d\n", page->header.size != 0U && page->dead[0] == '\0' ? 1 : 0);
	if (page->header.size == 0U) {
		return;
	}
	prom_head(f, "info", "", "gauge", "program and layout of the page");
	fprintf(f, "jkpylon_info{program=\"%s\",layout=\"%u\"} 1\n", page->header.program,
		page->header.version);
	prom_head(f, "start_time", "_seconds", "gauge", "wall clock at the start of the worker");
	fprintf(f, "jkpylon_start_time_seconds %" PRId64 "\n", page->header.start_wall_s);
	for (size_t i = 0; i < rtstat_counters_len; i++) {
		const struct rtstat_counter *c = &rtstat_counters[i];
		const char *suffix = c->gauge ? "" : "_total";

		prom_head(f, c->name, suffix, c->gauge ? "gauge" : "counter", c->text);
		fprintf(f, "jkpylon_%s%s %" PRId64 "\n", c->name, suffix, rtstat_counter(page, c));
	}
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		prom_time(f, page, i);
	}
	prom_rules(f, page);
}
