/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylond: the guard's command line. What only looks or checks is the worker's business. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "rt/guard.h"
#include "rt/shared_log.h"
#include "rt/state.h"

#define DEFAULT_CONFIG "/etc/jkpylon/jkpylon.conf"

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_PRINT_CONFIG,
	OPTION_DRY_RUN,
	OPTION_EXPLAIN,
	OPTION_OPEN_RELAY,
	OPTION_STATUS,
	OPTION_ACK,
	OPTION_RECOVER,
	OPTION_RECORD_STATE,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"explain", no_argument, NULL, OPTION_EXPLAIN},
	{"open-relay", no_argument, NULL, OPTION_OPEN_RELAY},
	{"status", no_argument, NULL, OPTION_STATUS},
	{"ack", no_argument, NULL, OPTION_ACK},
	{"recover", no_argument, NULL, OPTION_RECOVER},
	{STATE_RECORDER_OPTION, no_argument, NULL, OPTION_RECORD_STATE},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

/* In the order of enum option_id: getopt also takes what is not written out, the worker must not. */
static const char *const modes[] = {"--check",	    "--print-config", "--dry-run", "--explain",
				    "--open-relay", "--status",	      "--ack"};

static const char usage[] =
	"usage: jkpylond [--config FILE] [--check | --print-config | --dry-run | --explain |\n"
	"                --status | --ack [--recover] | --open-relay]\n"
	"\n"
	"  --config FILE    configuration (default " DEFAULT_CONFIG ")\n"
	"  --check          check the configuration and exit: 0 good, 1 not\n"
	"  --print-config   print every key with unit, range, default and value\n"
	"  --dry-run        poll the BMS and decide, but send nothing\n"
	"  --explain        read one sample, print every rule with its verdict\n"
	"  --status         show state, reasons, relay and latches of the running daemon\n"
	"  --ack            clear a latched fault, after its cause was found\n"
	"  --recover        with --ack: allow charging at 0.05 C for 30 min after an under-voltage;\n"
	"                   stay beside the battery\n"
	"  --open-relay     open the relay, while no daemon runs\n"
	"  --version        print the version\n"
	"  --help           print this\n"
	"\n"
	"Without one of these the daemon runs in the foreground until SIGTERM.\n"
	"Exit codes: 0 clean stop, 1 configuration, 2 device or permission at start,\n"
	"3 stopped while tripped or latched, 4 internal fault. See jkpylond(8).\n";

/* Replace this process by the worker in one of its own modes. */
static int pass_on(const char *worker, const char *config_path, const char *mode, bool recover)
{
	static char config_option[PATH_MAX + 16];

	snprintf(config_option, sizeof(config_option), "--config=%s", config_path);
	execl(worker, "jkpylond", mode, config_option, recover ? "--recover" : (char *)NULL,
	      (char *)NULL);
	shared_log(LOG_ERR, "cannot start %s: %s", worker, strerror(errno));
	return EXIT_DEVICE;
}

static int put(FILE *f, const char *text, int code)
{
	fputs(text, f);
	return code;
}

int main(int argc, char **argv)
{
	const char *config_path = DEFAULT_CONFIG;
	const char *mode = NULL;
	bool ack = false;
	bool recover = false;
	static char worker[PATH_MAX];
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (id) {
		case OPTION_CONFIG:
			config_path = optarg;
			break;
		case OPTION_CHECK:
		case OPTION_PRINT_CONFIG:
		case OPTION_DRY_RUN:
		case OPTION_EXPLAIN:
		case OPTION_OPEN_RELAY:
		case OPTION_STATUS:
		case OPTION_ACK:
			if (mode != NULL) {
				return put(stderr, "jkpylond: only one mode at a time\n",
					   EXIT_CONFIG);
			}
			mode = modes[id - OPTION_CHECK];
			ack = id == OPTION_ACK;
			break;
		case OPTION_RECOVER:
			recover = true;
			break;
		case OPTION_RECORD_STATE:
			shared_log_init();
			return state_recorder_run();
		case OPTION_VERSION:
			return put(stdout, "jkpylond " JKP_VERSION "\n", EXIT_OK);
		case OPTION_HELP:
			return put(stdout, usage, EXIT_OK);
		default:
			return put(stderr, usage, EXIT_CONFIG);
		}
	}
	if (optind != argc || (recover && !ack)) {
		return put(stderr, usage, EXIT_CONFIG);
	}
	shared_log_init();
	if (strlen(config_path) >= PATH_MAX) {
		shared_log(LOG_ERR, "name of the configuration file is too long");
		return EXIT_CONFIG;
	}
	if (guard_worker_path(worker) != 0) {
		shared_log(LOG_ERR, "jkpylon-worker is not beside jkpylond nor in "
				    "../libexec/jkpylon: install both, or set JKPYLON_WORKER");
		return EXIT_DEVICE;
	}
	return mode != NULL ? pass_on(worker, config_path, mode, recover)
			    : guard_run(worker, config_path);
}
