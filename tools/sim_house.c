/* SPDX-License-Identifier: Apache-2.0 */
/* `jkpylon-sim house`: options, runs, the table. */
#include "sim_house.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 1
#define EXIT_FILE  2
#define HOURS_MAX  24.0
#define SEEDS_MAX  100
#define HOUR_S	   3600.0
#define PERCENT	   100.0
#define HOUR_SHOWN 18.0 /* kettle, hob and a setting sun */
#define TITLE_SIZE 160

/*
 * Dead times from 1 to 8 s: what owners report of hybrid inverters on a meter. The errors of the two
 * current transformers are assumed; class 1 at a few kilowatts is some ten watts. "even" has none.
 */
static const struct house_set sets[] = {
	{"fast", 1.0, 1.0, 15.0, -15.0, 0.9, false},
	{"usual", 3.0, 2.0, 15.0, -15.0, 0.9, false},
	{"slow-solis", 6.0, 2.0, -20.0, 10.0, 0.9, false},
	{"slow-goodwe", 2.0, 6.0, 15.0, -15.0, 0.9, false},
	{"slow", 8.0, 8.0, 15.0, -15.0, 0.9, false},
	{"even", 3.0, 3.0, 0.0, 0.0, 0.9, false},
	{"timid", 3.0, 2.0, 25.0, -25.0, 0.5, false},
	{"portal", 3.0, 2.0, 15.0, -15.0, 0.9, true},
};

#define SETS (sizeof(sets) / sizeof(sets[0]))

struct options {
	double from_h;
	double hours;
	double shown_h;
	uint32_t seed;
	uint32_t seeds;
	const char *set;
	const char *csv;
	const char *svg;
	enum damping_preset damping;
	bool alone;
	bool help;
};

static void usage(FILE *f)
{
	fprintf(f, "usage: jkpylon-sim house [--from HOUR] [--hours N] [--seed N] [--seeds N]\n"
		   "                         [--set NAME] [--damping smooth|seed|off] [--alone]\n"
		   "                         [--csv FILE] [--svg FILE] [--show HOUR] [--help]\n"
		   "sets:");
	for (size_t i = 0; i < SETS; i++) {
		fprintf(f, " %s", sets[i].name);
	}
	fputc('\n', f);
}

static bool number(const char *text, double lo, double hi, double *ret_value)
{
	char *end = NULL;
	const double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= lo && v <= hi)) {
		fprintf(stderr, "sim house: %s: expected a number from %g to %g\n", text, lo, hi);
		return false;
	}
	*ret_value = v;
	return true;
}

static bool whole(const char *text, uint32_t hi, uint32_t *ret_value)
{
	double v = 0.0;

	if (!number(text, 1.0, hi, &v)) {
		return false;
	}
	*ret_value = (uint32_t)v;
	return true;
}

static bool damping(const char *text, enum damping_preset *ret_preset)
{
	static const char *const word[] = {"off", "smooth", "seed"};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		if (strcmp(text, word[i]) == 0) {
			*ret_preset = (enum damping_preset)i;
			return true;
		}
	}
	fprintf(stderr, "sim house: --damping %s: expected off, smooth or seed\n", text);
	return false;
}

static const struct house_set *find_set(const char *name)
{
	for (size_t i = 0; i < SETS; i++) {
		if (strcmp(sets[i].name, name) == 0) {
			return &sets[i];
		}
	}
	fprintf(stderr, "sim house: no set %s\n", name);
	return NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option list[] = {
		{"from", required_argument, NULL, 'f'}, {"hours", required_argument, NULL, 'h'},
		{"seed", required_argument, NULL, 's'}, {"seeds", required_argument, NULL, 'n'},
		{"set", required_argument, NULL, 'p'},	{"csv", required_argument, NULL, 'c'},
		{"svg", required_argument, NULL, 'g'},	{"show", required_argument, NULL, 'w'},
		{"alone", no_argument, NULL, 'a'},	{"damping", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'H'},	{NULL, 0, NULL, 0},
	};
	bool good = true;
	int c = 0;

	*o = (struct options){.hours = HOURS_MAX,
			      .shown_h = HOUR_SHOWN,
			      .seed = 1,
			      .seeds = 1,
			      .damping = DAMPING_SMOOTH};
	optind = 1;
	while (good && (c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (c) {
		case 'f':
			good = number(optarg, 0.0, HOURS_MAX, &o->from_h);
			break;
		case 'h':
			good = number(optarg, 0.01, HOURS_MAX, &o->hours);
			break;
		case 's':
			good = whole(optarg, UINT16_MAX, &o->seed);
			break;
		case 'n':
			good = whole(optarg, SEEDS_MAX, &o->seeds);
			break;
		case 'p':
			o->set = optarg;
			good = find_set(optarg) != NULL;
			break;
		case 'c':
			o->csv = optarg;
			break;
		case 'g':
			o->svg = optarg;
			break;
		case 'w':
			good = number(optarg, 0.0, HOURS_MAX - 1.0, &o->shown_h);
			break;
		case 'd':
			good = damping(optarg, &o->damping);
			break;
		case 'a':
			o->alone = true;
			break;
		case 'H':
			o->help = true;
			return true;
		default:
			good = false;
			break;
		}
	}
	if (good && o->from_h + o->hours > HOURS_MAX) {
		fprintf(stderr, "sim house: --from and --hours go beyond the end of the day\n");
		good = false;
	}
	return good && optind == argc;
}

static void record(void *arg, const struct house_point *p)
{
	struct house_record *r = arg;

	if (r->count < r->room) {
		r->point[r->count++] = *p;
	}
}

static void add(struct house_sum *to, const struct house_sum *s)
{
	to->cross_kwh += s->cross_kwh;
	to->import_kwh += s->import_kwh;
	to->export_kwh += s->export_kwh;
	to->load_kwh += s->load_kwh;
	to->solis_in_kwh += s->solis_in_kwh;
	to->solis_out_kwh += s->solis_out_kwh;
	to->goodwe_in_kwh += s->goodwe_in_kwh;
	to->goodwe_out_kwh += s->goodwe_out_kwh;
	to->soc_end_pct += s->soc_end_pct;
	to->goodwe_soc_end_pct += s->goodwe_soc_end_pct;
	to->turns += s->turns;
	to->goodwe_turns += s->goodwe_turns;
	to->oscillations += s->oscillations;
}

static void print_head(void)
{
	printf("%-12s %-9s %9s %7s %8s %7s %8s %8s %8s %6s %6s\n", "set", "limits", "cross kWh", "",
	       "turns", "", "GW turns", "imp kWh", "exp kWh", "SoC", "GW SoC");
}

static double share(double x, double of)
{
	return of > 0.0 ? PERCENT * x / of : 0.0;
}

static void print_row(const char *set, const char *limits, const struct house_sum *s,
		      const struct house_sum *none, uint32_t days)
{
	printf("%-12s %-9s %9.3f %5.1f %% %8.1f %5.1f %% %8.1f %8.3f %8.3f %4.0f %% %4.0f %%\n",
	       set, limits, s->cross_kwh / days, share(s->cross_kwh, none->cross_kwh),
	       (double)s->turns / days, share(s->turns, none->turns),
	       (double)s->goodwe_turns / days, s->import_kwh / days, s->export_kwh / days,
	       s->soc_end_pct / days, s->goodwe_soc_end_pct / days);
}

static int write_files(const struct options *o, const struct house_record rec[HOUSE_ALONE],
		       const struct house_set *set)
{
	char title[TITLE_SIZE];
	const char *path = o->svg;
	int r = 0;

	snprintf(title, sizeof(title), "Set %s, seed %u: dead times %g s and %g s", set->name,
		 o->seed, set->solis_dead_s, set->goodwe_dead_s);
	if (o->svg != NULL) {
		r = house_plot(o->svg, rec, o->shown_h * HOUR_S, (o->shown_h + 1.0) * HOUR_S,
			       title);
	}
	if (r == 0 && o->csv != NULL) {
		path = o->csv;
		r = house_csv(o->csv, rec);
	}
	if (r != 0) {
		fprintf(stderr, "sim house: cannot write %s: %s\n", path, strerror(-r));
	}
	return r == 0 ? EXIT_SUCCESS : EXIT_FILE;
}

static void run_set(const struct options *o, const struct house_set *set,
		    struct house_record rec[HOUSE_ALONE], struct house_sum total[HOUSE_VARIANTS])
{
	static struct house h;
	struct core_config config;
	const uint32_t variants = o->alone ? HOUSE_VARIANTS : HOUSE_ALONE;
	struct house_sum sum[HOUSE_VARIANTS] = {0};

	core_config_default(&config);
	core_config_damping(&config, o->damping);
	for (uint32_t v = 0; v < variants; v++) {
		for (uint32_t s = 0; s < o->seeds; s++) {
			struct house_record *r = rec != NULL && s == 0 && v < HOUSE_ALONE ? &rec[v]
											  : NULL;

			const struct house_day day = {
				.set = set,
				.config = &config,
				.seed = o->seed + s,
				.from_s = o->from_h * HOUR_S,
				.to_s = (o->from_h + o->hours) * HOUR_S,
				.tap = r != NULL ? record : NULL,
				.arg = r,
			};

			house_run(&h, (enum house_variant)v, &day);
			add(&sum[v], &h.sum);
		}
		print_row(set->name, house_variant_name((enum house_variant)v), &sum[v], &sum[0],
			  o->seeds);
		fflush(stdout);
		add(&total[v], &sum[v]);
	}
}

static bool make_room(struct house_record rec[HOUSE_ALONE])
{
	bool good = true;

	for (uint32_t v = 0; v < HOUSE_ALONE; v++) {
		rec[v].room = HOUSE_DAY_S;
		rec[v].point = calloc(rec[v].room, sizeof(*rec[v].point));
		good = good && rec[v].point != NULL;
	}
	return good;
}

static void free_room(struct house_record rec[HOUSE_ALONE])
{
	for (uint32_t v = 0; v < HOUSE_ALONE; v++) {
		free(rec[v].point);
	}
}

int house_main(int argc, char **argv)
{
	struct options o;
	struct house_sum total[HOUSE_VARIANTS] = {0};
	struct house_record rec[HOUSE_ALONE] = {0};

	if (!parse(argc, argv, &o)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (o.help) {
		usage(stdout);
		return 0;
	}
	const bool wanted = o.csv != NULL || o.svg != NULL;
	const struct house_set *shown = find_set(o.set != NULL ? o.set : "usual");
	uint32_t days = 0;

	if (wanted && !make_room(rec)) {
		fprintf(stderr, "sim house: out of memory\n");
		free_room(rec);
		return EXIT_FILE;
	}
	print_head();
	for (size_t i = 0; i < SETS; i++) {
		if (o.set == NULL || strcmp(sets[i].name, o.set) == 0) {
			run_set(&o, &sets[i], wanted && &sets[i] == shown ? rec : NULL, total);
			days += o.seeds;
		}
	}
	for (uint32_t v = 0; days > o.seeds && v < (o.alone ? HOUSE_VARIANTS : HOUSE_ALONE); v++) {
		print_row("all", house_variant_name((enum house_variant)v), &total[v], &total[0],
			  days);
	}
	const int r = wanted ? write_files(&o, rec, shown) : EXIT_SUCCESS;

	free_room(rec);
	return r;
}
