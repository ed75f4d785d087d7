/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms of the statistics page against the values themselves: percentiles of three distributions,
 * recorded by what the cycle records with. Exit status 1 if one is more than 2 % off.
 *
 *   bench_hist [-n VALUES]     default 10 million of each distribution
 *   bench_hist --record N      record N values and nothing else: hist_cost counts the instructions
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_count.h"

#define VALUES_DEFAULT 10000000L
#define VALUES_MAX     100000000L
#define ERROR_MAX      0.02
#define PPM	       1000000U
#define KEYS	       (1U << 16)
#define NS_MIN	       1000.0
#define NS_MAX	       1e10
#define SEED	       UINT64_C(0x9E3779B97F4A7C15)

static struct loop loop;
static struct stats_page page;
static uint64_t seed = SEED;

/* xorshift64: the same in every run */
static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / (double)(UINT64_C(1) << 53);
}

/* Every order of magnitude alike. */
static double log_uniform(void)
{
	return NS_MIN * pow(NS_MAX / NS_MIN, uniform());
}

/* Wake-ups of a quiet machine: around 40 us, skewed. */
static double log_normal(void)
{
	const double pi = 3.14159265358979323846;
	const double radius = sqrt(-2.0 * log(1.0 - uniform()));

	return 40e3 * exp(0.35 * radius * cos(2.0 * pi * uniform()));
}

/* Two narrow peaks and a long tail: confirmations, some of them after a retry. */
static double peaks(void)
{
	const double u = uniform();

	if (u < 0.7) {
		return 250e3 + 20e3 * uniform();
	}
	return u < 0.99 ? 5e6 + 5e4 * uniform() : 6e6 / pow(1.0 - uniform(), 0.8);
}

struct shape {
	const char *name;
	double (*next)(void);
};

static const struct shape shapes[] = {
	{"log-uniform", log_uniform},
	{"log-normal", log_normal},
	{"peaks, tail", peaks},
};

static const uint32_t shares[] = {0U, 10000U, 500000U, 900000U, 990000U, 999000U, 999900U, PPM};

/* Radix sort of non-negative numbers below 2^48. */
static void sort(int64_t *value, int64_t *other, size_t n)
{
	static size_t start[KEYS + 1U];

	for (unsigned int shift = 0; shift < 48U; shift += 16U) {
		memset(start, 0, sizeof(start));
		for (size_t i = 0; i < n; i++) {
			start[((uint64_t)value[i] >> shift) % KEYS + 1U]++;
		}
		for (size_t k = 0; k < KEYS; k++) {
			start[k + 1U] += start[k];
		}
		for (size_t i = 0; i < n; i++) {
			other[start[((uint64_t)value[i] >> shift) % KEYS]++] = value[i];
		}
		memcpy(value, other, n * sizeof(*value));
	}
}

static void begin(void)
{
	memset(&loop, 0, sizeof(loop));
	memset(&page, 0, sizeof(page));
	loop.config.stats = &page;
	loop_count_init(&loop, 0);
}

static bool judge(const struct shape *s, const int64_t *sorted, size_t n)
{
	uint32_t cell[STATS_HIST_CELLS];
	const struct stats_range *r = &loop.counters.time[STATS_WAKEUP];
	double worst = 0.0;

	for (uint32_t i = 0; i < STATS_HIST_CELLS; i++) {
		cell[i] = atomic_load(&page.hist[STATS_WAKEUP][i]);
	}
	printf("%-12s", s->name);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		const uint64_t rank = ((uint64_t)n * shares[i] + PPM - 1U) / PPM;
		const int64_t exact = sorted[rank > 0U ? rank - 1U : 0U];
		const int64_t got = stats_hist_quantile_ns(cell, shares[i]);
		const double error = fabs((double)(got - exact)) / (double)exact;

		/* Above 10 s there is one cell for all. */
		if (exact <= STATS_HIST_MAX_NS) {
			worst = error > worst ? error : worst;
			printf(" %7.3f%%", 100.0 * error);
		} else {
			worst = got == INT64_MAX ? worst : 1.0;
			printf(" %8s", got == INT64_MAX ? ">10 s" : "WRONG");
		}
	}
	printf("\n");

	const bool complete = stats_hist_count(cell) == n && r->count == n &&
			      r->min_ns == sorted[0] && r->max_ns == sorted[n - 1U];

	if (!complete) {
		printf("count, least or greatest value is wrong\n");
	}
	return worst <= ERROR_MAX && complete;
}

static bool compare(size_t n)
{
	int64_t *value = malloc(n * sizeof(*value));
	int64_t *other = malloc(n * sizeof(*other));
	bool good = value != NULL && other != NULL;

	printf("%zu values each; error of the percentiles 0 1 50 90 99 99.9 99.99 100\n", n);
	for (size_t k = 0; good && k < sizeof(shapes) / sizeof(shapes[0]); k++) {
		begin();
		for (size_t i = 0; i < n; i++) {
			value[i] = (int64_t)shapes[k].next();
			loop_record_time(&loop, STATS_WAKEUP, value[i]);
		}
		sort(value, other, n);
		good = judge(&shapes[k], value, n);
	}
	printf("one bucket is wrong by at most 1/64 = 1.563%%: %s\n", good ? "ok" : "FAILED");
	free(value);
	free(other);
	return good;
}

/* Values that fall all over the histogram, made without a library. */
static void record(long n)
{
	uint32_t v = 1U;

	begin();
	for (long i = 0; i < n; i++) {
		v = v * 1664525U + 1013904223U;
		loop_record_time(&loop, STATS_RUN, (int64_t)(v >> (v >> 28)));
	}
}

int main(int argc, char **argv)
{
	const bool only = argc == 3 && strcmp(argv[1], "--record") == 0;
	const bool number = argc == 3 && strcmp(argv[1], "-n") == 0;
	char *end = NULL;
	const long n = argc == 3 ? (long)strtoul(argv[2], &end, 10) : VALUES_DEFAULT;

	if ((argc != 1 && !only && !number) || (end != NULL && *end != '\0') ||
	    n < (only ? 0 : 1) || n > VALUES_MAX) {
		fprintf(stderr, "usage: bench_hist [-n VALUES | --record VALUES]\n");
		return 2;
	}
	if (only) {
		record(n);
		return 0;
	}
	return compare((size_t)n) ? 0 : 1;
}
