/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the worker: what is started in order and stopped in reverse. */
#include "worker.h"

#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/remedy.h"
#include "base/time.h"
#include "base/units.h"
#include "rt/guard.h"
#include "rt/clock.h"
#include "rt/shared_log.h"

#define ERROR_MAX 384U

static void sink(int level, const char *text, void *context)
{
	(void)context;
	(void)shared_log_write(level, text);
}

static int start_signals(struct worker *w)
{
	sigset_t set;
	sigset_t abrt;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of whoever writes it */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/*
	 * The service manager sends this to all when the guard does not feed its watchdog. The guard
	 * ends by it; then the relay is opened here and the last words are said. abort() is not hindered.
	 */
	sigemptyset(&abrt);
	sigaddset(&abrt, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &abrt, NULL);
	w->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (w->signal_fd < 0) {
		const int error = errno;

		shared_log(EVENT_ERR, "cannot read signals: %s: %s", strerror(error),
			   remedy_of(error));
		return EXIT_INTERNAL;
	}
	return EXIT_OK;
}

static void stop_signals(struct worker *w)
{
	if (w->signal_fd >= 0) {
		close(w->signal_fd);
	}
}

static int start_stats(struct worker *w)
{
	char error[STATS_ERROR_MAX];
	const char *path = w->config.stats_path;

	if (w->mode == MODE_EXPLAIN) {
		return EXIT_OK;
	}
	const int r = stats_create(path, &w->stats, &w->lock_fd, error);

	if (r != 0 && w->mode == MODE_DRY_RUN && r != -EWOULDBLOCK) {
		shared_log(EVENT_WARNING, "%s; running without", error);
		return EXIT_OK;
	}
	if (r != 0) {
		shared_log(EVENT_ERR, "%s", error);
		return EXIT_DEVICE;
	}
	if (!stats_in_memory(path)) {
		shared_log(EVENT_NOTICE,
			   "rt.stats=%s lies on a disk: writing it back disturbs the cycle; a file "
			   "below /run does not",
			   path);
	}
	return EXIT_OK;
}

static void stop_stats(struct worker *w)
{
	stats_destroy(w->left_behind ? NULL : w->stats, w->lock_fd);
}

static int start_memory(struct worker *w)
{
	if (w->mode == MODE_EXPLAIN) {
		return EXIT_OK;
	}
	w->latency_fd = enter_dma_latency(&w->report);
	(void)enter_runaway_limit(); /* a lower limit of the service is as good */
	if (enter_memory(&w->report) != 0) {
		if (w->config.rt_required && w->mode == MODE_RUN) {
			shared_log(EVENT_ERR, "%s, or set rt.required=no", w->report.text);
			return EXIT_DEVICE;
		}
		shared_log(EVENT_WARNING, "%s; running without", w->report.text);
	}
	return EXIT_OK;
}

static void stop_memory(struct worker *w)
{
	if (w->latency_fd >= 0) {
		close(w->latency_fd);
	}
}

static int start_logger(struct worker *w)
{
	int r = ring_init(&w->events, w->event_storage, WORKER_EVENTS, sizeof(struct event));

	if (r == 0) {
		r = ring_init(&w->frames, w->frame_storage, WORKER_FRAMES, sizeof(struct can_msg));
	}
	if (r == 0) {
		r = ring_init(&w->commands, w->command_storage, WORKER_ORDERS,
			      sizeof(struct command));
	}
	if (r == 0) {
		logger_init(&w->logger, &w->events,
			    w->mode == MODE_EXPLAIN ? EVENT_WARNING : EVENT_INFO, sink, NULL);
		r = logger_start(&w->logger);
	}
	if (r != 0) {
		shared_log(EVENT_ERR, "cannot start the logger: %s: %s", strerror(-r),
			   remedy_of(-r));
		return EXIT_INTERNAL;
	}
	return EXIT_OK;
}

static void stop_logger(struct worker *w)
{
	logger_stop(&w->logger);
}

static int start_trace(struct worker *w)
{
	const char *path = w->config.trace_path;
	char *text = NULL;
	size_t size = 0;

	if (path[0] == '\0' || w->mode == MODE_EXPLAIN) {
		return EXIT_OK;
	}
	FILE *f = open_memstream(&text, &size);

	if (f == NULL) {
		shared_log(EVENT_ERR, "no memory for the trace");
		return EXIT_INTERNAL;
	}
	conf_print(&w->config, f);
	fclose(f);
	int r = trace_open(&w->trace, path, text);

	free(text);
	if (r == 0) {
		r = trace_start(&w->trace);
	}
	if (r != 0) {
		shared_log(EVENT_ERR,
			   "cannot write recorder.trace=%s: %s: give the user of the daemon a "
			   "directory for it",
			   path, strerror(-r));
		return EXIT_DEVICE;
	}
	return EXIT_OK;
}

static void stop_trace(struct worker *w)
{
	trace_stop(&w->trace);
}

static int start_control(struct worker *w)
{
	char error[ERROR_MAX];

	if (w->mode != MODE_RUN) {
		return EXIT_OK;
	}
	w->control_fd = control_open(w->config.stats_path, error, sizeof(error));
	if (w->control_fd < 0) {
		shared_log(EVENT_ERR, "%s", error);
		return EXIT_DEVICE;
	}
	return EXIT_OK;
}

static void stop_control(struct worker *w)
{
	control_close(w->config.stats_path, w->control_fd);
	w->control_fd = -1;
}

static int start_serial(struct worker *w)
{
	char error[ERROR_MAX];

	const struct serial_pace pace = {
		.priority = w->mode == MODE_EXPLAIN ? 0 : w->config.priority - 1,
		.period_us = w->config.core.period_us,
	};

	if (serial_start(&w->serial, w->config.bms_device, &pace, error, sizeof(error)) != 0) {
		shared_log(EVENT_ERR, "%s", error);
		return EXIT_DEVICE;
	}
	return EXIT_OK;
}

static void stop_serial(struct worker *w)
{
	serial_stop(w->serial);
}

/* The inverter's frame, and our own: what another node sends under our name must be noticed. */
static size_t receive_ids(const struct pylon_profile *profile, uint16_t ids[PYLON_SET_MAX + 1U])
{
	size_t n = 0;

	ids[n++] = PYLON_ID_ALIVE;
	for (uint8_t i = 0; i < profile->count && i < PYLON_SET_MAX; i++) {
		const uint16_t id = pylon_frame_id((enum pylon_frame)profile->order[i]);

		if (id != PYLON_ID_ALIVE) {
			ids[n++] = id;
		}
	}
	return n;
}

static int start_can(struct worker *w)
{
	char error[ERROR_MAX];
	uint16_t ids[PYLON_SET_MAX + 1U];
	const struct can_port_config config = {
		.interface = w->config.can_interface,
		.manage = w->config.can_manage,
		.bitrate = w->config.can_bitrate,
		.rx_ids = ids,
		.rx_ids_len = receive_ids(w->config.core.profile, ids),
		.slot_ms = w->config.core.slot_ms,
	};

	if (w->mode != MODE_RUN) {
		return EXIT_OK;
	}
	if (can_port_start(&w->can, &config, error, sizeof(error)) != 0) {
		shared_log(EVENT_ERR, "%s", error);
		return EXIT_DEVICE;
	}
	return EXIT_OK;
}

static void stop_can(struct worker *w)
{
	can_port_stop(w->can);
}

static int prepare_loop(struct worker *w)
{
	const bool tracing = w->trace.file != NULL;
	const uint32_t flags = (w->mode == MODE_DRY_RUN ? STATS_DRY_RUN : 0U) |
			       (tracing ? STATS_TRACING : 0U);
	const int64_t now_ns = clock_now_ns(CLOCK_MONOTONIC);
	const int64_t boot_ns = clock_now_ns(CLOCK_BOOTTIME);
	const uint32_t latch_word = w->page == NULL ? 0U
						    : atomic_load_explicit(&w->page->latch,
									   memory_order_acquire);
	struct held held = {.t_ns = TIME_NEVER};
	const struct loop_config config = {
		.core = &w->config.core,
		.serial = w->serial,
		.can = w->can,
		.commands = &w->commands,
		.network = w->with_network ? &w->network : NULL,
		.answers = w->with_network ? &w->answers : NULL,
		.events = &w->events,
		.frames = w->mode == MODE_DRY_RUN ? &w->frames : NULL,
		.grid = w->config.sma_enabled ? &w->sma.grid.head : NULL,
		.peer_local = w->config.goodwe_host[0] != '\0' ? &w->goodwe.sample.head : NULL,
		.peer_portal = w->config.sems_portal != SEMS_PORTAL_NONE ? &w->sems.sample.head
									 : NULL,
		.page = w->page,
		.stats = w->stats,
		.held = w->page != NULL ? &held : NULL,
		.latch_word = latch_word,
		.tap = tracing ? trace_step : NULL,
		.tap_context = &w->trace,
		.record = w->recording ? recorder_step : NULL,
		.record_context = &w->recorder,
	};

	if (w->page != NULL) {
		worker_read_held(w, latch_word, &held);
	}
	if (tracing) {
		trace_start_point(&w->trace, now_ns, boot_ns, config.held);
	}
	const int r = loop_init(&w->loop, &config, flags, now_ns, boot_ns);

	if (r == 0 && w->recording) {
		recorder_begin(&w->recorder, &w->loop.cycle, now_ns, boot_ns,
			       config.core->period_us * NS_PER_US);
	}
	return r;
}

static int start_loop(struct worker *w)
{
	const struct config *c = &w->config;
	const struct enter_thread spec = {
		.name = "cycle",
		.stack = ENTER_STACK_RT,
		.priority = w->mode == MODE_EXPLAIN ? 0 : c->priority,
		.cpu = c->cpu == CONF_CPU_NONE ? ENTER_CPU_ANY : c->cpu,
	};
	const bool required = c->rt_required && w->mode == MODE_RUN;

	if (prepare_loop(w) != 0) {
		shared_log(EVENT_ERR, "rt.period=%d us is out of range", c->core.period_us);
		return EXIT_CONFIG;
	}
	if (loop_start(&w->loop, &spec, required, &w->report) != 0) {
		shared_log(EVENT_ERR, "%s, or set rt.required=no", w->report.text);
		return EXIT_DEVICE;
	}
	if (w->report.locked && w->report.error != 0) {
		shared_log(EVENT_WARNING, "%s; running without", w->report.text);
	}
	if (w->page != NULL) {
		atomic_store_explicit(&w->page->state, GUARDPOL_RUNNING, memory_order_release);
	}
	return EXIT_OK;
}

static void stop_loop(struct worker *w)
{
	loop_stop(&w->loop);
}

static void stop_nothing(struct worker *w)
{
	(void)w;
}

/* The watch for the guard's end is there before anything else and until nothing else is. */
const struct worker_part worker_parts[] = {
	{start_signals, stop_signals},
	{worker_start_page, worker_stop_page},
	{worker_start_orphan, worker_stop_orphan},
	{start_stats, stop_stats},
	{worker_start_failsafe, stop_nothing},
	{start_memory, stop_memory},
	{start_logger, stop_logger},
	{start_trace, stop_trace},
	{worker_start_recorder, worker_stop_recorder},
	{start_control, stop_control},
	{worker_start_services, worker_stop_services},
	{start_serial, stop_serial},
	{start_can, stop_can},
	{start_loop, stop_loop},
	{worker_release_services, worker_ask_services_to_end},
};

const size_t worker_parts_len = ARRAY_SIZE(worker_parts);
