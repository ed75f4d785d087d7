/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the guard share. */
#ifndef JKP_GUARD_PRIVATE_H
#define JKP_GUARD_PRIVATE_H

#include "rt/guard.h"
#include "rt/guard_latch.h"
#include "rt/guard_notify.h"
#include "rt/guard_worker.h"
#include "rt/relay.h"
#include "rt/watchdog.h"

/**
 * struct guard - state of the one guard
 * @state: enum guardpol_worker, of this period
 * @override: exit code that counts instead of the worker's, -1 = none
 * @configured: @settings are the worker's, and devices are open
 * @stopping: asked to stop
 * @reload: the worker to come was announced
 * @line_failed: the relay's line could not be written in the last period
 * @told_*: what the service manager and the log know
 */
struct guard {
	struct shared_page *page;
	int page_fd;
	int self_fd;
	int signal_fd;
	int override;
	uint32_t state;
	bool configured;
	bool stopping;
	int64_t stop_ns;
	bool reload;
	bool line_failed;
	struct shared_failsafe settings;
	struct guardpol policy;
	struct guard_worker worker;
	struct guard_latch latch;
	struct guard_notify notify;
	struct relay relay;
	struct watchdog watchdog;
	bool told_ready;
	bool told_lost;
	int told_line_error;
	uint32_t told_state;
	uint32_t told_relay;
	uint32_t told_reason;
};

/* guard_start.c: what is made once, taken over from the worker's settings, given back. */
int guard_open(struct guard *g, const char *worker, const char *config_path);
void guard_look_at_settings(struct guard *g, int64_t now_ns);
void guard_close(struct guard *g, int64_t now_ns);

/* guard_tell.c: to the service manager and the log, when something has changed. */
void guard_tell(struct guard *g, const struct guardpol_out *out, int line_error);

#endif
