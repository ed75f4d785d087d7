/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylon-sim sma: a meter at the grid connection, so that the daemon can be tried without one. */
#include "sim_sma.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE     1
#define EXIT_DEVICE    2
#define NS_PER_S       INT64_C(1000000000)
#define SERIAL_DEFAULT 1900000001U
#define TICKER_START   1000000U
#define ERROR_MAX      512
#define SEND_BYTES     (1 << 20)

struct options {
	const char *interface;
	const char *group;
	const char *to;
	const char *address;
	const char *script;
	const char *control;
	double port;
	double serial;
	double power_w;
	double rate;
	double flood;
	enum sma_kind kind;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: jkpylon-sim sma --interface NAME [--group ADDRESS] [--port N] [--to ADDRESS]\n"
		"       [--address ADDRESS] [--serial N] [--kind em|hm|unicast] [--power WATT]\n"
		"       [--rate N] [--flood N] [--script FILE] [--control unix:PATH]\n"
		"       [--help] [--version]\n");
}

static bool number(const char *text, const char *name, double lo, double hi, double *ret_value)
{
	char *end = NULL;
	const double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= lo && v <= hi)) {
		fprintf(stderr, "jkpylon-sim: --%s %s: expected a number from %.10g to %.10g\n",
			name, text, lo, hi);
		return false;
	}
	*ret_value = v;
	return true;
}

static const struct option long_options[] = {
	{"interface", required_argument, NULL, 'i'},
	{"group", required_argument, NULL, 'g'},
	{"port", required_argument, NULL, 'p'},
	{"to", required_argument, NULL, 't'},
	{"address", required_argument, NULL, 'a'},
	{"serial", required_argument, NULL, 's'},
	{"kind", required_argument, NULL, 'k'},
	{"power", required_argument, NULL, 'w'},
	{"rate", required_argument, NULL, 'r'},
	{"flood", required_argument, NULL, 'f'},
	{"script", required_argument, NULL, 'S'},
	{"control", required_argument, NULL, 'c'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static bool take_value(int c, struct options *o)
{
	switch (c) {
	case 'p':
		return number(optarg, "port", 1, 65535, &o->port);
	case 's':
		return number(optarg, "serial", 1, UINT32_MAX, &o->serial);
	case 'w':
		return number(optarg, "power", -1e8, 1e8, &o->power_w);
	case 'r':
		return number(optarg, "rate", 0.01, 1000, &o->rate);
	case 'f':
		return number(optarg, "flood", 0, 1e6, &o->flood);
	case 'k':
		if (sim_sma_kind(optarg, &o->kind)) {
			return true;
		}
		fprintf(stderr, "jkpylon-sim: --kind %s: expected em, hm or unicast\n", optarg);
		return false;
	default:
		return false; /* getopt has told */
	}
}

static bool take_option(int c, struct options *o)
{
	switch (c) {
	case 'i':
		o->interface = optarg;
		return true;
	case 'g':
		o->group = optarg;
		return true;
	case 't':
		o->to = optarg;
		return true;
	case 'a':
		o->address = optarg;
		return true;
	case 'S':
		o->script = optarg;
		return true;
	case 'c':
		o->control = optarg;
		return true;
	case 'h':
		usage(stdout);
		printf("Commands on standard input or the control socket, one a line:\n");
		sim_sma_command_help();
		exit(EXIT_SUCCESS);
	case 'V':
		printf("jkpylon-sim %s\n", JKP_VERSION);
		exit(EXIT_SUCCESS);
	default:
		return take_value(c, o);
	}
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	int c = 0;

	*o = (struct options){.group = SPEEDWIRE_GROUP,
			      .port = SPEEDWIRE_PORT,
			      .serial = SERIAL_DEFAULT,
			      .rate = 1};
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (!take_option(c, o)) {
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "jkpylon-sim: unexpected argument '%s'\n", argv[optind]);
		return false;
	}
	if (!o->interface && !o->to) {
		fprintf(stderr,
			"jkpylon-sim: --interface is missing: the network interface to send "
			"on, for example eth0; or --to ADDRESS\n");
		return false;
	}
	return true;
}

static bool address_of(const char *text, double port, struct sockaddr_in *ret_address)
{
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, text, &ret_address->sin_addr) != 1) {
		fprintf(stderr, "jkpylon-sim: %s: expected an IPv4 address\n", text);
		return false;
	}
	return true;
}

/* Return: exit status. */
static int bind_to(struct sim_sma *s, const struct options *o)
{
	struct sockaddr_in own;

	if (o->address) {
		if (!address_of(o->address, 0, &own)) {
			return EXIT_USAGE;
		}
		if (bind(s->fd, (const struct sockaddr *)&own, sizeof(own)) != 0) {
			fprintf(stderr, "jkpylon-sim: --address %s: %s\n", o->address,
				strerror(errno));
			return EXIT_DEVICE;
		}
	}
	if (o->interface) {
		const struct ip_mreqn out = {.imr_ifindex = (int)if_nametoindex(o->interface)};

		if (out.imr_ifindex == 0 ||
		    setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) != 0) {
			fprintf(stderr, "jkpylon-sim: --interface %s: %s\n", o->interface,
				strerror(errno));
			return EXIT_DEVICE;
		}
	}
	return EXIT_SUCCESS;
}

static int open_socket(struct sim_sma *s, const struct options *o)
{
	const int bytes = SEND_BYTES;

	if (!address_of(o->to ? o->to : o->group, o->port, &s->to)) {
		return EXIT_USAGE;
	}
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		fprintf(stderr, "jkpylon-sim: socket: %s\n", strerror(errno));
		return EXIT_DEVICE;
	}
	(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return bind_to(s, o);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int set_up(struct sim_sma *s, const struct options *o)
{
	char err[ERROR_MAX];

	s->meter.serial = (uint32_t)o->serial;
	s->kind = o->kind;
	s->power_w = o->power_w;
	s->rate = o->rate;
	s->ticker_ms = TICKER_START;
	sim_sma_heal(s);
	if (sim_control_open(&s->control, sim_sma_command, s, o->control, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: control: %s\n", err);
		return EXIT_DEVICE;
	}
	if (o->script && sim_control_script(&s->control, o->script, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: %s\n", err);
		return EXIT_USAGE;
	}
	const int rc = open_socket(s, o);

	s->start_ns = now();
	s->due_ns = s->start_ns;
	s->flood = o->flood;
	s->flood_ns = s->start_ns;
	return rc;
}

static void run(struct sim_sma *s)
{
	while (!s->quit && !stopped) {
		struct pollfd fds[SIM_CLIENTS_MAX + 1];
		const int n = sim_control_poll(&s->control, fds);
		const int64_t next_ns = sim_sma_step(s, now());
		const int64_t left_ns = next_ns - now();
		const int64_t wait_ns = left_ns > 0 ? left_ns : 0;
		const struct timespec t = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
					   .tv_nsec = (long)(wait_ns % NS_PER_S)};

		(void)ppoll(fds, (nfds_t)n, &t, NULL);
		sim_control_step(&s->control, (double)(now() - s->start_ns) / (double)NS_PER_S);
	}
}

int sim_sma_main(int argc, char **argv)
{
	static struct sim_sma s;
	struct options o;
	const struct sigaction stop = {.sa_handler = on_signal};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (!parse_options(argc, argv, &o)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	const int rc = set_up(&s, &o);

	if (rc == EXIT_SUCCESS) {
		fprintf(stderr, "sim: meter %u (%s) sends to %s port %.0f\n", s.meter.serial,
			sim_sma_kind_name(s.kind), o.to ? o.to : o.group, o.port);
		run(&s);
	}
	sim_control_close(&s.control);
	return rc;
}
