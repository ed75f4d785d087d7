/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jkpylon-worker: started by the guard (jkpylond), which passes its own one-shot modes on as well.
 * main() is a list: start the parts in order, wait, stop them in reverse.
 */
#include "worker.h"

#include "control.h"
#include "local.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "rt/guard.h"
#include "rt/clock.h"
#include "rt/shared_log.h"
#include "svc/explain.h"

#define STOP_WAIT_MS	2010 /* the core waits for its last frames and for rest, at most 2 s */
#define STOP_POLL_MS	2
#define DRY_POLL_MS	200
#define WATCH_MS	5000 /* how often somebody looks whether a service hangs */
#define EXPLAIN_WAIT_MS 5000
#define EXPLAIN_POLL_MS 20
#define FOREVER		(-1)
#define LINE_SIZE	400

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"guarded", no_argument, NULL, 'g'},
	{"check", no_argument, NULL, 'k'},
	{"print-config", no_argument, NULL, 'p'},
	{"dry-run", no_argument, NULL, 'd'},
	{"explain", no_argument, NULL, 'e'},
	{"status", no_argument, NULL, 's'},
	{"ack", no_argument, NULL, 'a'},
	{"recover", no_argument, NULL, 'r'},
	{"open-relay", no_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};

static void sleep_ms(long ms)
{
	const struct timespec t = {.tv_sec = ms / MS_PER_S,
				   .tv_nsec = ms % MS_PER_S * (long)NS_PER_MS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/**
 * struct shown - newest frame of each identifier, for a dry run
 */
struct shown {
	int64_t t_ns;
	uint32_t len;
	struct can_msg msg[CYCLE_CAN_TX_MAX];
};

/* Dry run: what would be on the bus, once a second. */
static void show_frames(struct worker *w, struct shown *s)
{
	char line[LINE_SIZE] = "would send";
	size_t len = strlen(line);
	const int64_t now_ns = clock_now_ns(CLOCK_MONOTONIC);
	struct can_msg m;

	while (ring_pop(&w->frames, &m)) {
		uint32_t i = 0;

		while (i < s->len && s->msg[i].id != m.id) {
			i++;
		}
		if (i < ARRAY_SIZE(s->msg)) {
			s->msg[i] = m;
			s->len = i == s->len ? i + 1U : s->len;
		}
	}
	if (s->len == 0U || now_ns - s->t_ns < NS_PER_S) {
		return;
	}
	s->t_ns = now_ns;
	for (uint32_t i = 0; i < s->len; i++) {
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %03X#", s->msg[i].id);
		for (uint32_t b = 0; b < s->msg[i].len; b++) {
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%02X",
						s->msg[i].data[b]);
		}
	}
	s->len = 0U;
	shared_log(EVENT_INFO, "%s", line);
}

static void log_conf_error(const char *path, const struct conf_error *error)
{
	if (error->line > 0) {
		shared_log(EVENT_ERR, "%s:%d: %s", path, error->line, error->text);
	} else {
		shared_log(EVENT_ERR, "%s: %s", path, error->text);
	}
}

/* Return: the file is good: the guard starts a worker that uses it. */
static bool take_reload(struct worker *w)
{
	static struct config wanted;
	struct conf_error error = {0};

	if (!w->guarded) {
		return false;
	}
	if (conf_read(w->config_path, &wanted, &error) != 0) {
		log_conf_error(w->config_path, &error);
		shared_log(EVENT_ERR, "not reloaded: the daemon goes on with what it has");
		return false;
	}
	const char *key = conf_needs_restart(&w->config, &wanted);

	if (key != NULL) {
		shared_log(EVENT_ERR,
			   "not reloaded: %s has changed, which needs a restart of the daemon",
			   key);
		return false;
	}
	if (!loop_may_reload(&w->loop)) {
		shared_log(EVENT_ERR,
			   "not reloaded: data is missing or the battery is not obeyed: when "
			   "that is over try again, or restart");
		return false;
	}
	w->reload = true;
	return true;
}

/* Return: true if a signal asks for the end. */
static bool take_signals(struct worker *w)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			stop = take_reload(w) || stop;
		} else {
			stop = true;
		}
	}
	return stop;
}

/* Return: true if the guard has ended. */
static bool wait_for_end(struct worker *w)
{
	struct pollfd p[] = {
		{.fd = w->signal_fd, .events = POLLIN},
		{.fd = w->guarded ? SHARED_WORKER_PIDFD_FD : -1, .events = POLLIN},
		{.fd = w->control_fd, .events = POLLIN},
	};
	const int timeout = w->mode == MODE_DRY_RUN ? DRY_POLL_MS
			    : w->services > 0U	    ? WATCH_MS
						    : FOREVER;
	struct shown shown = {0};

	for (;;) {
		const int n = poll(p, ARRAY_SIZE(p), timeout);

		if (n > 0 && p[1].revents != 0) {
			return true;
		}
		if (n > 0 && take_signals(w)) {
			return false;
		}
		if (n > 0 && p[2].revents != 0) {
			control_serve(w, w->control_fd);
		}
		if (w->mode == MODE_DRY_RUN) {
			show_frames(w, &shown);
		}
		worker_watch_services(w);
	}
}

static int run(struct worker *w)
{
	shared_log(EVENT_NOTICE, "jkpylon " JKP_VERSION " runs%s: BMS on %s, CAN on %s",
		   w->mode == MODE_DRY_RUN ? " dry" : "", w->config.bms_device,
		   w->config.can_interface);
	const bool guard_gone = wait_for_end(w);

	if (guard_gone) {
		shared_log(EVENT_ERR,
			   "the guard process has ended: last frames say 0 A, then exit");
	}
	if (w->page != NULL) {
		atomic_store_explicit(&w->page->state,
				      w->reload ? GUARDPOL_RELOADING : GUARDPOL_STOPPING,
				      memory_order_release);
	}
	loop_request_stop(&w->loop, guard_gone	? LOOP_GUARD_GONE
				    : w->reload ? LOOP_RELOAD
						: LOOP_END);
	for (int ms = 0; ms < STOP_WAIT_MS && !loop_is_stopped(&w->loop); ms += STOP_POLL_MS) {
		sleep_ms(STOP_POLL_MS);
	}
	/* What the transmit queue refused may still leave within its slot. */
	sleep_ms(w->config.core.slot_ms);
	if (w->reload && !guard_gone) {
		return EXIT_OK;
	}
	return guard_gone || loop_is_faulty(&w->loop) ? EXIT_TRIPPED : EXIT_OK;
}

static int explain(struct worker *w)
{
	/* One turn more than needed: what is heard is then in the core. */
	bool complete = false;

	for (int ms = 0; ms < EXPLAIN_WAIT_MS && !complete; ms += EXPLAIN_POLL_MS) {
		complete = loop_samples(&w->loop) != 0U && worker_house_is_heard(w);
		if (take_signals(w)) {
			break;
		}
		sleep_ms(EXPLAIN_POLL_MS);
	}
	loop_stop(&w->loop);
	if (explain_print(&w->loop.cycle, &w->config.core, stdout) != 0) {
		shared_log(
			EVENT_ERR,
			"no good sample of the BMS on %s within %d s: check power, RX/TX and the "
			"port protocol in the JK app (000: 4G-GPS)",
			w->config.bms_device, EXPLAIN_WAIT_MS / MS_PER_S);
		return EXIT_DEVICE;
	}
	return EXIT_OK;
}

static int serve(struct worker *w)
{
	size_t started = 0;
	int code = EXIT_OK;

	while (started < worker_parts_len && code == EXIT_OK) {
		code = worker_parts[started++].start(w);
	}
	if (code == EXIT_OK) {
		code = w->mode == MODE_EXPLAIN ? explain(w) : run(w);
	}
	while (started > 0U) {
		worker_parts[--started].stop(w);
	}
	if (code == EXIT_OK && w->mode == MODE_RUN) {
		shared_log(EVENT_NOTICE, "stopped");
	}
	return code;
}

static void parse_options(struct worker *w, int argc, char **argv)
{
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (id) {
		case 'c':
			w->config_path = optarg;
			break;
		case 'g':
			w->guarded = true;
			break;
		case 'k':
			w->mode = MODE_CHECK;
			break;
		case 'p':
			w->mode = MODE_PRINT_CONFIG;
			break;
		case 'd':
			w->mode = MODE_DRY_RUN;
			break;
		case 'e':
			w->mode = MODE_EXPLAIN;
			break;
		case 's':
			w->mode = MODE_STATUS;
			break;
		case 'a':
			w->mode = MODE_ACK;
			break;
		case 'r':
			w->recover = true;
			break;
		case 'o':
			w->mode = MODE_OPEN_RELAY;
			break;
		default:
			/* getopt_long() has said it; jkpylond never gets here */
			break;
		}
	}
}

static void advise(const struct worker *w)
{
	const char *text;

	for (uint32_t i = 0; (text = conf_advice(&w->config, i)) != NULL; i++) {
		if (w->mode == MODE_CHECK) {
			fprintf(stderr, "%s: warning: %s\n", w->config_path, text);
		} else if (w->mode == MODE_RUN) {
			shared_log(EVENT_WARNING, "%s", text);
		}
	}
}

static int read_config(struct worker *w)
{
	struct conf_error error = {0};
	const int r = conf_read(w->config_path, &w->config, &error);

	if (r == 0) {
		advise(w);
		return EXIT_OK;
	}
	if (w->mode == MODE_CHECK || w->mode == MODE_PRINT_CONFIG) {
		/* For people and editors: FILE:LINE: text, without a journal priority. */
		if (error.line > 0) {
			fprintf(stderr, "%s:%d: %s\n", w->config_path, error.line, error.text);
		} else {
			fprintf(stderr, "%s: %s\n", w->config_path, error.text);
		}
	} else {
		log_conf_error(w->config_path, &error);
	}
	return EXIT_CONFIG;
}

int main(int argc, char **argv)
{
	static struct worker w = {.config_path = CONF_DEFAULT_FILE,
				  .signal_fd = -1,
				  .latency_fd = -1,
				  .lock_fd = -1,
				  .control_fd = -1};

	shared_log_init();
	parse_options(&w, argc, argv);
	if (w.mode == MODE_RUN && !w.guarded) {
		shared_log(EVENT_ERR, "jkpylon-worker is started by jkpylond: start that");
		return EXIT_CONFIG;
	}
	if (w.mode == MODE_OPEN_RELAY) {
		return local_open_relay(w.config_path);
	}
	if (read_config(&w) != EXIT_OK) {
		return EXIT_CONFIG;
	}
	if (w.mode == MODE_STATUS) {
		return local_status(&w.config);
	}
	if (w.mode == MODE_ACK) {
		return local_ack(&w.config, w.recover);
	}
	if (w.mode == MODE_CHECK) {
		fprintf(stdout, "%s: good\n", w.config_path);
		return EXIT_OK;
	}
	if (w.mode == MODE_PRINT_CONFIG) {
		conf_print(&w.config, stdout);
		return EXIT_OK;
	}
	const int code = serve(&w);

	if (w.left_behind) {
		/* A thread goes on: its libraries must not be taken down beside it. */
		(void)fflush(stdout);
		_exit(code);
	}
	return code;
}
