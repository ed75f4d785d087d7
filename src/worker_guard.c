/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the guard: its page, its devices, what it kept, the watch for its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/remedy.h"
#include "base/time.h"
#include "base/units.h"
#include "rt/guard.h"
#include "rt/shared_log.h"
#include "worker.h"

#define ANSWER_WAIT_MS 5000 /* the guard may wait for a disk here */
#define ANSWER_POLL_MS 2

int worker_start_page(struct worker *w)
{
	if (!w->guarded) {
		return EXIT_OK;
	}
	(void)fcntl(SHARED_WORKER_PAGE_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(SHARED_WORKER_PIDFD_FD, F_SETFD, FD_CLOEXEC);
	w->page = shared_attach(SHARED_WORKER_PAGE_FD);
	if (w->page == NULL) {
		const int error = errno;

		shared_log(EVENT_ERR, "no page of the guard (%s): %s", strerror(error),
			   error == ENOMEM
				   ? remedy_of(error)
				   : "jkpylond and jkpylon-worker must be of the same release");
		return EXIT_INTERNAL;
	}
	return EXIT_OK;
}

void worker_stop_page(struct worker *w)
{
	shared_detach(w->page);
}

/* Works before anything can be sent: the guard may end at any time. */
int worker_start_orphan(struct worker *w)
{
	const struct config *c = &w->config;

	if (w->page == NULL) {
		return EXIT_OK;
	}
	w->orphan.pidfd = SHARED_WORKER_PIDFD_FD;
	w->orphan.relay = c->relay;
	w->orphan.precharge = c->precharge;

	const int r = orphan_start(&w->orphan,
				   min_i32(c->priority + GUARD_PRIORITY_ADD, GUARD_PRIORITY_MAX));

	if (r != 0) {
		shared_log(EVENT_ERR, "cannot watch the guard: %s: %s", strerror(-r),
			   remedy_of(-r));
		return EXIT_INTERNAL;
	}
	return EXIT_OK;
}

void worker_stop_orphan(struct worker *w)
{
	orphan_stop(&w->orphan);
}

/* Settings to the guard, which takes relay, state and watchdog into its hands and answers. */
static void tell_failsafe(struct worker *w)
{
	const struct config *c = &w->config;
	const bool fitted = strcmp(c->feedback, "none") != 0;
	const bool precharged = strcmp(c->precharge, "none") != 0;
	struct shared_failsafe f = {
		.policy = {.period_us = c->core.period_us,
			   .beat_ms = c->beat_ms,
			   .reload_ms = c->reload_ms,
			   .open_ms = c->core.open_ms,
			   .pulse_ms = c->relay_mode == RELAY_PULSE ? c->pulse_ms : 0,
			   .precharge_ms = precharged ? c->precharge_ms : 0,
			   .feedback_ms = fitted ? c->feedback_ms : 0},
		.priority = c->priority,
		.required = c->rt_required ? 1U : 0U,
		.watchdog_s = c->watchdog_ms / MS_PER_S,
	};

	snprintf(f.relay, sizeof(f.relay), "%s", c->relay);
	snprintf(f.precharge, sizeof(f.precharge), "%s", c->precharge);
	snprintf(f.feedback, sizeof(f.feedback), "%s", c->feedback);
	snprintf(f.watchdog, sizeof(f.watchdog), "%s", c->watchdog);
	snprintf(f.state, sizeof(f.state), "%s", c->state_path);
	shared_failsafe_write(w->page, &f);
}

int worker_start_failsafe(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = ANSWER_POLL_MS * (long)NS_PER_MS};

	if (w->page == NULL) {
		return EXIT_OK;
	}
	tell_failsafe(w);
	for (int ms = 0; ms < ANSWER_WAIT_MS; ms += ANSWER_POLL_MS) {
		const uint32_t answer = atomic_load_explicit(&w->page->answer,
							     memory_order_acquire);

		if (answer == SHARED_READY) {
			return EXIT_OK;
		}
		if (answer == SHARED_REFUSED) {
			return EXIT_DEVICE; /* the guard has said why */
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	shared_log(EVENT_ERR, "the guard does not answer: internal fault");
	return EXIT_INTERNAL;
}

void worker_read_held(const struct worker *w, uint32_t latch_word, struct held *ret_held)
{
	const struct shared_latch latch = shared_latch_read(latch_word);
	struct shared_held h;

	*ret_held = (struct held){.t_ns = TIME_NEVER};
	ret_held->kept.heard_ns = TIME_NEVER;
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		ret_held->kept.reclose_ns[i] = TIME_NEVER;
	}
	if (snapshot_try_read(&w->page->held.head, &h, sizeof(h)) && h.size == sizeof(*ret_held)) {
		memcpy(ret_held, h.core, sizeof(*ret_held));
	}
	ret_held->reload = atomic_load_explicit(&w->page->reload, memory_order_acquire);
	ret_held->kept.latched = latch.reason;
	ret_held->kept.level = latch.level;
}
