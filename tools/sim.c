/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jkpylon-sim: a battery with a JK BMS on a pseudo terminal and an inverter on the bus, so that the
 * daemon can be tried and tested without either.
 */
#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "sim_capture.h"
#include "sim_goodwe.h"
#include "sim_house.h"
#include "sim_sems.h"
#include "sim_sma.h"

#define EXIT_USAGE	 1
#define EXIT_DEVICE	 2
#define NS_PER_S	 INT64_C(1000000000)
#define TICK_NS		 INT64_C(5000000)
#define LINK_DEFAULT	 "/tmp/jkpylon-bms"
#define CELLS_DEFAULT	 16
#define CAPACITY_DEFAULT 200.0
#define SOC_DEFAULT	 50.0
#define TEMP_DEFAULT	 20.0
#define SPREAD_DEFAULT	 0.01
#define UNSET		 (-1000.0)
#define CELLS_MIN	 3

struct options {
	const char *link;
	const char *capture;
	const char *inverter;
	const char *script;
	const char *control;
	int cells;
	double capacity_ah;
	double soc_pct;
	double temp_c;
	double load_w;
	double sun_w;
	double speed;
	uint32_t seed;
	bool paced;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static void usage(FILE *f)
{
	fprintf(f, "usage: jkpylon-sim [--bms LINK] [--capture FILE.json:NAME|FILE.hex]\n"
		   "       [--cells N] [--capacity AH] [--soc PERCENT] [--temp CELSIUS]\n"
		   "       [--inverter unix:PATH|INTERFACE|none] [--load WATT] [--sun WATT]\n"
		   "       [--speed X] [--script FILE] [--control unix:PATH] [--seed N]\n"
		   "       [--unpaced] [--help] [--version]\n"
		   "       jkpylon-sim sma --interface NAME [...]: a meter; see sma --help\n"
		   "       jkpylon-sim goodwe [...]: an inverter; see goodwe --help\n"
		   "       jkpylon-sim sems [...]: a portal; see sems --help\n"
		   "       jkpylon-sim house [...]: two inverters; see house --help\n");
}

static bool number(const char *text, const char *name, double lo, double hi, double *ret_value)
{
	char *end = NULL;
	const double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= lo && v <= hi)) {
		fprintf(stderr, "jkpylon-sim: --%s %s: expected a number from %g to %g\n", name,
			text, lo, hi);
		return false;
	}
	*ret_value = v;
	return true;
}

enum option_id {
	OPT_BMS = 256,
	OPT_CAPTURE,
	OPT_CELLS,
	OPT_CAPACITY,
	OPT_SOC,
	OPT_TEMP,
	OPT_INVERTER,
	OPT_LOAD,
	OPT_SUN,
	OPT_SPEED,
	OPT_SCRIPT,
	OPT_CONTROL,
	OPT_SEED,
	OPT_UNPACED,
};

static const struct option long_options[] = {
	{"bms", required_argument, NULL, OPT_BMS},
	{"capture", required_argument, NULL, OPT_CAPTURE},
	{"cells", required_argument, NULL, OPT_CELLS},
	{"capacity", required_argument, NULL, OPT_CAPACITY},
	{"soc", required_argument, NULL, OPT_SOC},
	{"temp", required_argument, NULL, OPT_TEMP},
	{"inverter", required_argument, NULL, OPT_INVERTER},
	{"load", required_argument, NULL, OPT_LOAD},
	{"sun", required_argument, NULL, OPT_SUN},
	{"speed", required_argument, NULL, OPT_SPEED},
	{"script", required_argument, NULL, OPT_SCRIPT},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"seed", required_argument, NULL, OPT_SEED},
	{"unpaced", no_argument, NULL, OPT_UNPACED},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static bool take_number(int c, const char *arg, struct options *o)
{
	double v = 0;
	bool ok = false;

	switch (c) {
	case OPT_CELLS:
		ok = number(arg, "cells", CELLS_MIN, SIM_CELLS_MAX, &v);
		o->cells = (int)v;
		return ok;
	case OPT_SEED:
		ok = number(arg, "seed", 0, UINT32_MAX, &v);
		o->seed = (uint32_t)v;
		return ok;
	case OPT_CAPACITY:
		return number(arg, "capacity", 1, 10000, &o->capacity_ah);
	case OPT_SOC:
		return number(arg, "soc", 0, 100, &o->soc_pct);
	case OPT_TEMP:
		return number(arg, "temp", -40, 99, &o->temp_c);
	case OPT_LOAD:
		return number(arg, "load", 0, 1e6, &o->load_w);
	case OPT_SUN:
		return number(arg, "sun", 0, 1e6, &o->sun_w);
	case OPT_SPEED:
		return number(arg, "speed", 0, 100000, &o->speed);
	default:
		return false; /* getopt has told */
	}
}

/* Return: false if the command line is wrong, after a message. */
static bool take_option(int c, struct options *o)
{
	switch (c) {
	case OPT_BMS:
		o->link = optarg;
		return true;
	case OPT_CAPTURE:
		o->capture = optarg;
		return true;
	case OPT_INVERTER:
		o->inverter = optarg;
		return true;
	case OPT_SCRIPT:
		o->script = optarg;
		return true;
	case OPT_CONTROL:
		o->control = optarg;
		return true;
	case OPT_UNPACED:
		o->paced = false;
		return true;
	case 'h':
		usage(stdout);
		printf("Commands on standard input or the control socket, one a line:\n");
		sim_command_help();
		exit(EXIT_SUCCESS);
	case 'V':
		printf("jkpylon-sim %s\n", JKP_VERSION);
		exit(EXIT_SUCCESS);
	default:
		return take_number(c, optarg, o);
	}
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	int c = 0;

	*o = (struct options){.link = LINK_DEFAULT,
			      .inverter = "none",
			      .capacity_ah = UNSET,
			      .soc_pct = UNSET,
			      .temp_c = UNSET,
			      .speed = 1,
			      .seed = 1,
			      .paced = true};
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (!take_option(c, o)) {
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "jkpylon-sim: unexpected argument '%s'\n", argv[optind]);
		return false;
	}
	if (o->capture && o->cells > 0) {
		fprintf(stderr, "jkpylon-sim: --capture brings its own number of cells: leave out "
				"--cells\n");
		return false;
	}
	return true;
}

/* A pack without a capture: all registers, cells that differ a little. */
static void make_synthetic(struct sim *s, const struct options *o)
{
	const struct sim_battery_setup setup = {
		.cells = o->cells > 0 ? o->cells : CELLS_DEFAULT,
		.capacity_ah = o->capacity_ah >= 0 ? o->capacity_ah : CAPACITY_DEFAULT,
		.soc_pct = o->soc_pct >= 0 ? o->soc_pct : SOC_DEFAULT,
		.ambient_c = TEMP_DEFAULT,
		.spread = SPREAD_DEFAULT,
		.seed = o->seed,
	};
	struct sim_protect protect;

	sim_image_default(&s->image, setup.cells, setup.capacity_ah);
	sim_battery_init(&s->battery, &setup);
	sim_image_protect(&s->image, &protect);
	sim_battery_set_protect(&s->battery, &protect);
}

static int make_from_capture(struct sim *s, const struct options *o)
{
	const char *spec = o->capture ? o->capture : CAPTURE_DEFAULT;
	char err[CAPTURE_ERROR_MAX];
	uint8_t frame[CAPTURE_FRAME_MAX];
	size_t len = 0;
	int rc = capture_load(spec, frame, &len, err);

	if (rc != 0) {
		fprintf(stderr, "jkpylon-sim: %s\n", err);
		return rc;
	}
	rc = sim_image_parse(&s->image, frame, len);
	if (rc == 0 && o->capacity_ah > 0) {
		sim_image_set(&s->image, 0xAA, (uint32_t)o->capacity_ah);
		sim_image_set(&s->image, 0xB9, (uint32_t)o->capacity_ah);
	}
	if (rc == 0) {
		rc = sim_image_battery(&s->image, o->soc_pct >= 0 ? o->soc_pct : -1, &s->battery);
	}
	if (rc != 0) {
		fprintf(stderr,
			"jkpylon-sim: %s: no complete JK reply with cells, SoC and capacity (%zu "
			"bytes); see jkpylon-probe decode\n",
			spec, len);
	}
	return rc;
}

static int set_up(struct sim *s, const struct options *o)
{
	char err[CAPTURE_ERROR_MAX];

	memset(s, 0, sizeof(*s));
	sim_override_clear(&s->override);
	if (o->cells > 0) {
		make_synthetic(s, o);
	} else if (make_from_capture(s, o) != 0) {
		return EXIT_USAGE;
	}
	if (o->temp_c > UNSET) {
		s->battery.ambient_c = o->temp_c;
		for (int p = 0; p < SIM_PROBES; p++) {
			s->battery.temp_c[p] = o->temp_c;
		}
	}
	sim_inverter_init(&s->inverter, strcmp(o->inverter, "none") == 0 ? NULL : o->inverter);
	s->inverter.load_w = o->load_w;
	s->inverter.sun_w = o->sun_w;
	s->speed = o->speed;
	if (sim_control_open(&s->control, sim_command, s, o->control, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: control: %s\n", err);
		return EXIT_DEVICE;
	}
	if (o->script && sim_control_script(&s->control, o->script, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: %s\n", err);
		return EXIT_USAGE;
	}
	if (sim_bms_open(&s->bms, o->link, o->paced, o->seed, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: --bms: %s\n", err);
		return EXIT_DEVICE;
	}
	s->start_ns = sim_now();
	s->model_ns = s->start_ns;
	return 0;
}

static void wait_for_work(const struct sim *s, int64_t now_ns)
{
	struct pollfd fds[SIM_CLIENTS_MAX + 2];
	int n = sim_control_poll(&s->control, fds);
	const int64_t due = sim_bms_due(&s->bms);
	int64_t wait = TICK_NS;

	/* Without a client the terminal reports a hang-up all the time: no use waiting for it. */
	if (s->bms.master >= 0 && s->bms.attached) {
		fds[n++] = (struct pollfd){.fd = s->bms.master, .events = POLLIN};
	}
	if (due != INT64_MAX && due - now_ns < wait) {
		wait = due > now_ns ? due - now_ns : 0;
	}
	const struct timespec t = {.tv_sec = (time_t)(wait / NS_PER_S),
				   .tv_nsec = (long)(wait % NS_PER_S)};

	(void)ppoll(fds, (nfds_t)n, &t, NULL);
}

static void run(struct sim *s)
{
	while (!s->quit && !stopped) {
		int64_t now_ns = sim_now();

		sim_control_step(&s->control, (double)(now_ns - s->start_ns) / (double)NS_PER_S);
		if (now_ns - s->model_ns >= TICK_NS) {
			const double wanted = sim_inverter_step(&s->inverter, &s->battery, now_ns);

			sim_battery_step(&s->battery,
					 (double)(now_ns - s->model_ns) / (double)NS_PER_S *
						 s->speed,
					 s->current_forced ? s->current_a : wanted);
			s->model_ns = now_ns;
		}
		sim_image_patch(&s->image, &s->battery, &s->override);
		if (sim_bms_step(&s->bms, &s->image, now_ns)) {
			sim_control_mark(s);
		}
		now_ns = sim_now();
		wait_for_work(s, now_ns);
	}
}

int main(int argc, char **argv)
{
	static struct sim s;
	struct options o;
	const struct sigaction stop = {.sa_handler = on_signal};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (argc > 1 && strcmp(argv[1], "sma") == 0) {
		return sim_sma_main(argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "goodwe") == 0) {
		return sim_goodwe_main(argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "sems") == 0) {
		return sim_sems_main(argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "house") == 0) {
		return house_main(argc - 1, argv + 1);
	}
	if (!parse_options(argc, argv, &o)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* pace of single bytes: 87 us */

	const int rc = set_up(&s, &o);

	if (rc != 0) {
		return rc;
	}
	fprintf(stderr, "sim: %d cells, %.0f Ah, SoC %.0f %%; BMS at %s -> %s\n", s.battery.cells,
		s.battery.cell[0].capacity_as / 3600.0, sim_battery_soc(&s.battery), s.bms.link,
		s.bms.name);
	run(&s);
	sim_bms_close(&s.bms);
	sim_inverter_close(&s.inverter);
	sim_control_close(&s.control);
	return EXIT_SUCCESS;
}
