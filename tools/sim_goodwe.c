/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylon-sim goodwe: command line, ports, and when which answer leaves. */
#include "sim_goodwe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sim_bms.h"

#define EXIT_USAGE	1
#define EXIT_DEVICE	2
#define LISTEN_DEFAULT	"127.0.0.1:8899"
#define PORT_DEFAULT	8899
#define LENGTH_DEFAULT	140
#define ERROR_MAX	256
#define ADDRESS_MAX	64
#define TICK_MS		20
#define NS_PER_MS	INT64_C(1000000)
#define NS_PER_S	1e9
#define DATAGRAMS_MAX	64
#define FINDER_QUESTION "WIFIKIT-214028-READ"

struct options {
	const char *listen;
	const char *finder;
	const char *control;
	const char *script;
	enum sim_goodwe_family family;
	int length;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static void usage(FILE *f)
{
	fprintf(f, "usage: jkpylon-sim goodwe [--listen ADDRESS[:PORT]] [--finder ADDRESS:PORT]\n"
		   "       [--family aa55|modbus|es-g2] [--length 95|133|140]\n"
		   "       [--script FILE] [--control unix:PATH] [--help]\n");
}

enum option_id {
	OPT_LISTEN = 256,
	OPT_FINDER,
	OPT_FAMILY,
	OPT_LENGTH,
	OPT_SCRIPT,
	OPT_CONTROL,
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"finder", required_argument, NULL, OPT_FINDER},
	{"family", required_argument, NULL, OPT_FAMILY},
	{"length", required_argument, NULL, OPT_LENGTH},
	{"script", required_argument, NULL, OPT_SCRIPT},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool take_length(const char *text, int *ret_length)
{
	static const int known[] = {95, 133, 140};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char word[8];

		snprintf(word, sizeof(word), "%d", known[i]);
		if (strcmp(word, text) == 0) {
			*ret_length = known[i];
			return true;
		}
	}
	fprintf(stderr, "jkpylon-sim: --length %s: expected 95, 133 or 140\n", text);
	return false;
}

/* Return: false if the command line is wrong, after a message. */
static bool take_option(int c, struct options *o)
{
	switch (c) {
	case OPT_LISTEN:
		o->listen = optarg;
		return true;
	case OPT_FINDER:
		o->finder = optarg;
		return true;
	case OPT_FAMILY:
		if (!sim_goodwe_family_of(optarg, &o->family)) {
			fprintf(stderr,
				"jkpylon-sim: --family %s: expected aa55, modbus or es-g2\n",
				optarg);
			return false;
		}
		return true;
	case OPT_LENGTH:
		return take_length(optarg, &o->length);
	case OPT_SCRIPT:
		o->script = optarg;
		return true;
	case OPT_CONTROL:
		o->control = optarg;
		return true;
	case 'h':
		usage(stdout);
		printf("Commands on standard input or the control socket, one a line:\n");
		sim_goodwe_command_help();
		exit(EXIT_SUCCESS);
	default:
		return false; /* getopt has told */
	}
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	int c = 0;

	*o = (struct options){.listen = LISTEN_DEFAULT, .length = LENGTH_DEFAULT};
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (!take_option(c, o)) {
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "jkpylon-sim: unexpected argument '%s'\n", argv[optind]);
		return false;
	}
	return true;
}

/* ADDRESS[:PORT]. Return: false after a message. */
static bool parse_address(const char *text, struct sockaddr_in *ret_address)
{
	char host[ADDRESS_MAX];
	const char *colon = strchr(text, ':');
	const size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long port = PORT_DEFAULT;
	char *end = NULL;

	*ret_address = (struct sockaddr_in){.sin_family = AF_INET};
	if (colon) {
		port = strtoul(colon + 1, &end, 10);
	}
	if (len >= sizeof(host) || port > UINT16_MAX || (colon && (end == colon + 1 || *end))) {
		fprintf(stderr, "jkpylon-sim: %s: expected ADDRESS or ADDRESS:PORT\n", text);
		return false;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	ret_address->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &ret_address->sin_addr) != 1) {
		fprintf(stderr, "jkpylon-sim: %s: expected an IPv4 address of this machine\n",
			host);
		return false;
	}
	return true;
}

/* Return: a bound socket, its port in @address; or -1 after a message. */
static int open_port(struct sockaddr_in *address)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*address);

	if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) != 0) {
		fprintf(stderr, "jkpylon-sim: UDP port %u: %s\n", ntohs(address->sin_port),
			strerror(errno));
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	return fd;
}

static int open_ports(struct sim_goodwe *g, const struct options *o)
{
	struct sockaddr_in stranger;
	struct sockaddr_in finder;

	if (!parse_address(o->listen, &g->address) ||
	    (o->finder && !parse_address(o->finder, &finder))) {
		return EXIT_USAGE;
	}
	stranger = g->address;
	stranger.sin_port = 0;
	g->fd = open_port(&g->address);
	g->stranger = open_port(&stranger);
	g->finder = o->finder ? open_port(&finder) : -1;
	return g->fd < 0 || g->stranger < 0 || (o->finder && g->finder < 0) ? EXIT_DEVICE : 0;
}

static int set_up(struct sim_goodwe *g, const struct options *o)
{
	char err[ERROR_MAX];

	sim_random_init(&g->random, 1);
	g->family = o->family;
	g->length = o->length;
	g->values = (struct sim_goodwe_values){.mode = 1, .voltage_v = 52.0, .soc_pct = 50};
	const int rc = open_ports(g, o);

	if (rc != 0) {
		return rc;
	}
	if (sim_control_open(&g->control, sim_goodwe_command, g, o->control, err, sizeof(err)) !=
	    0) {
		fprintf(stderr, "jkpylon-sim: control: %s\n", err);
		return EXIT_DEVICE;
	}
	if (o->script && sim_control_script(&g->control, o->script, err, sizeof(err)) != 0) {
		fprintf(stderr, "jkpylon-sim: %s\n", err);
		return EXIT_USAGE;
	}
	g->start_ns = sim_now();
	return 0;
}

static void send_now(struct sim_goodwe *g, int fd, const struct sockaddr_in *to,
		     const uint8_t *data, size_t len)
{
	if (sendto(fd, data, len, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to)) ==
	    (ssize_t)len) {
		g->answers++;
	}
}

static void answer(struct sim_goodwe *g, const uint8_t *q, size_t n, const struct sockaddr_in *from)
{
	struct sim_goodwe_reply r = {.fd = g->fd, .to = *from};

	r.len = sim_goodwe_answer(g, q, n, r.data);
	if (r.len == 0 || g->fault == SIM_GOODWE_SILENT) {
		return;
	}
	if (g->fault == SIM_GOODWE_PORT) {
		r.fd = g->stranger;
	}
	if (g->fault == SIM_GOODWE_LATE || g->fault == SIM_GOODWE_SLOW) {
		r.due_ns = sim_now() + g->parameter * NS_PER_MS;
		if (g->pending_len < SIM_GOODWE_PENDING) {
			g->pending[g->pending_len++] = r;
		}
		return;
	}
	send_now(g, r.fd, &r.to, r.data, r.len);
	if (g->fault == SIM_GOODWE_TWICE) {
		send_now(g, r.fd, &r.to, r.data, r.len);
	}
}

static void send_due(struct sim_goodwe *g, int64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->pending_len; i++) {
		struct sim_goodwe_reply *r = &g->pending[i];

		if (r->due_ns <= now_ns) {
			send_now(g, r->fd, &r->to, r->data, r->len);
		} else {
			g->pending[kept++] = *r;
		}
	}
	g->pending_len = kept;
}

/* Who is searched for says where it is: "address,MAC,name". */
static void answer_search(struct sim_goodwe *g, const uint8_t *q, size_t n,
			  const struct sockaddr_in *from)
{
	char text[ADDRESS_MAX];
	char host[INET_ADDRSTRLEN];

	if (n != strlen(FINDER_QUESTION) || memcmp(q, FINDER_QUESTION, n) != 0) {
		g->unknown++;
		return;
	}
	g->searches++;
	(void)inet_ntop(AF_INET, &g->address.sin_addr, host, sizeof(host));
	const int len = snprintf(text, sizeof(text), "%s,289C6E000001,Solar-WiFi936W0001", host);

	if (g->fault != SIM_GOODWE_SILENT && len > 0) {
		send_now(g, g->finder, from, (const uint8_t *)text, (size_t)len);
	}
}

static void hear(struct sim_goodwe *g, int fd,
		 void (*take)(struct sim_goodwe *, const uint8_t *, size_t,
			      const struct sockaddr_in *))
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		uint8_t q[SIM_GOODWE_DATAGRAM];
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		const ssize_t n = recvfrom(fd, q, sizeof(q), MSG_DONTWAIT, (struct sockaddr *)&from,
					   &size);

		if (n < 0) {
			return;
		}
		take(g, q, (size_t)n, &from);
	}
}

static void run(struct sim_goodwe *g)
{
	while (!g->quit && !stopped) {
		struct pollfd fds[SIM_CLIENTS_MAX + 3];
		int n = sim_control_poll(&g->control, fds);

		fds[n++] = (struct pollfd){.fd = g->fd, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = g->finder, .events = POLLIN};
		(void)poll(fds, (nfds_t)n, TICK_MS);
		sim_control_step(&g->control, (double)(sim_now() - g->start_ns) / NS_PER_S);
		hear(g, g->fd, answer);
		if (g->finder >= 0) {
			hear(g, g->finder, answer_search);
		}
		send_due(g, sim_now());
	}
}

int sim_goodwe_main(int argc, char **argv)
{
	static struct sim_goodwe g = {.fd = -1, .stranger = -1, .finder = -1};
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
	const int rc = set_up(&g, &o);

	if (rc != 0) {
		return rc;
	}
	fprintf(stderr, "sim: GoodWe inverter on UDP port %u\n", ntohs(g.address.sin_port));
	run(&g);
	sim_control_close(&g.control);
	close(g.fd);
	close(g.stranger);
	if (g.finder >= 0) {
		close(g.finder);
	}
	return EXIT_SUCCESS;
}
