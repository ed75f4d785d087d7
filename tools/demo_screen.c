/* SPDX-License-Identifier: Apache-2.0 */
/* Screen of tools/demo: options and keys. See demo.h. */
#include "demo.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define REDRAW_NS	(200 * DEMO_NS_PER_MS)
#define WAIT_MS		20
#define SCREEN_ON	"\033[?1049h\033[?25l"
#define SCREEN_OFF	"\033[?25h\033[?1049l"
#define EXIT_USAGE	1
#define COMMANDS_OF_KEY 4

static volatile sig_atomic_t ended;

static void on_signal(int signo)
{
	(void)signo;
	ended = 1;
}

struct key {
	char key;
	const char *fault;
	const char *command[COMMANDS_OF_KEY];
};

static const struct key keys[] = {
	{'1', "the BMS is silent", {"silent on"}},
	{'2', "noise: 1 % of the bytes are damaged", {"noise 0.01"}},
	{'3', "cell 3 reads 3.560 V", {"cell 3 3.560"}},
	{'4', "probe 1 is at -3 C", {"temp 1 -3"}},
	{'5', "the serial adapter is unplugged for 5 s", {"unplug 5"}},
	{'6', "the BMS repeats one reply for ever", {"frozen on"}},
	{'7',
	 "the inverter charges with 20 A although a cell is full",
	 {"cell 3 3.560", "inverter disobey 20 0"}},
	{'0', "", {"heal"}},
};

static void acknowledge(struct demo *d)
{
	char line[DEMO_MESSAGE] = "";
	int fd[2];

	if (!d->daemon || !d->config || pipe2(fd, O_CLOEXEC) != 0) {
		return;
	}
	const pid_t child = fork();

	if (child == 0) {
		(void)dup2(fd[1], STDOUT_FILENO);
		(void)dup2(fd[1], STDERR_FILENO);
		execl(d->daemon, "jkpylond", "--config", d->config, "--ack", (char *)NULL);
		_exit(EXIT_USAGE);
	}
	close(fd[1]);
	const ssize_t n = child > 0 ? read(fd[0], line, sizeof(line) - 1U) : 0;

	close(fd[0]);
	line[n > 0 ? (size_t)n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	snprintf(d->message, sizeof(d->message), "%s", line);
}

/* Return: false if the user wants to leave. */
static bool take_key(struct demo *d, char key)
{
	if (key == 'q' || key == 'Q') {
		return false;
	}
	if (key == 'a') {
		acknowledge(d);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].key != key) {
			continue;
		}
		for (int c = 0; c < COMMANDS_OF_KEY && keys[i].command[c]; c++) {
			demo_command(d, keys[i].command[c]);
		}
		snprintf(d->fault, sizeof(d->fault), "%s", keys[i].fault);
	}
	return true;
}

static bool read_keys(struct demo *d)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char key = 0;
	bool go_on = true;

	while (go_on && poll(&p, 1, 0) > 0) {
		if (read(STDIN_FILENO, &key, 1) != 1) {
			return false;
		}
		go_on = take_key(d, key);
	}
	return go_on;
}

static int live(struct demo *d)
{
	const struct sigaction leave = {.sa_handler = on_signal};
	struct termios before;
	int64_t draw_ns = 0;

	if (tcgetattr(STDIN_FILENO, &before) != 0) {
		fprintf(stderr, "demo: the live screen needs a terminal; use --once\n");
		return EXIT_USAGE;
	}
	struct termios raw = before;

	sigaction(SIGINT, &leave, NULL);
	sigaction(SIGTERM, &leave, NULL);
	sigaction(SIGHUP, &leave, NULL);

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(SCREEN_ON, stdout);
	while (!ended && read_keys(d)) {
		demo_collect(d);
		if (demo_now() - draw_ns >= REDRAW_NS) {
			draw_ns = demo_now();
			demo_draw(d);
		}
		(void)poll(NULL, 0, WAIT_MS);
	}
	fputs(SCREEN_OFF, stdout);
	fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return EXIT_SUCCESS;
}

static bool parse(int argc, char **argv, struct demo *d)
{
	static const struct option long_options[] = {
		{"stats", required_argument, NULL, 's'},
		{"bus", required_argument, NULL, 'b'},
		{"control", required_argument, NULL, 'c'},
		{"log", required_argument, NULL, 'l'},
		{"daemon", required_argument, NULL, 'd'},
		{"config", required_argument, NULL, 'f'},
		{"pid-file", required_argument, NULL, 'p'},
		{"ready", required_argument, NULL, 'r'},
		{"once", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			d->stats_path = optarg;
			break;
		case 'b':
			d->bus_path = optarg;
			break;
		case 'c':
			d->control_path = optarg;
			break;
		case 'l':
			d->log_path = optarg;
			break;
		case 'd':
			d->daemon = optarg;
			break;
		case 'f':
			d->config = optarg;
			break;
		case 'p':
			d->pid_path = optarg;
			break;
		case 'r':
			d->ready_path = optarg;
			break;
		case 'o':
			d->seconds = strtod(optarg, NULL);
			break;
		default:
			return false;
		}
	}
	return d->stats_path && d->bus_path && d->control_path && d->log_path && optind == argc;
}

int main(int argc, char **argv)
{
	static struct demo d = {.control = -1};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct sigaction reap = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};

	if (!parse(argc, argv, &d)) {
		fprintf(stderr,
			"usage: demo_screen --stats FILE --bus unix:PATH --control PATH "
			"--log FILE [--daemon FILE --config FILE]\n"
			"       [--once SECONDS --pid-file FILE --ready FILE]\nIt belongs to tools/demo: start that one.\n");
		return EXIT_USAGE;
	}
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGCHLD, &reap, NULL);
	d.start_ns = demo_now();
	d.seen.first_frame_ns = DEMO_NEVER;
	d.seen.first_reply_ns = DEMO_NEVER;
	for (int i = 0; i < DIRS; i++) {
		d.seen.limit_min[i] = INT32_MAX;
	}
	return d.seconds > 0 ? demo_once(&d) : live(&d);
}
