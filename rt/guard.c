/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard. One thread on its own clock: every period it moves its beat, looks at signals, at the
 * worker's end and at the worker's beat, lets the policy decide, and acts: the relay first. Nothing
 * here waits for anybody.
 */
#include "rt/guard.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include "core/telemetry.h"
#include "guard_private.h"
#include "rt/clock.h"
#include "rt/shared_log.h"

#define SIGNALS_MAX 8 /* per period */

/*
 * The point of the guard's own grid that has just passed. The policy counts in these: whether a
 * wake-up came 10 us early or late must not decide whether the time of the beat is over.
 */
static int64_t now_on_grid(void)
{
	const int64_t now_ns = clock_now_ns(CLOCK_MONOTONIC);

	return now_ns - (now_ns - GUARD_PHASE_NS) % GUARD_PERIOD_NS;
}

static void look_at_signals(struct guard *g, int64_t now_ns)
{
	struct signalfd_siginfo info;

	for (int i = 0; i < SIGNALS_MAX && read(g->signal_fd, &info, sizeof(info)) > 0; i++) {
		const bool end = info.ssi_signo != SIGHUP;

		if (end || g->state == GUARDPOL_RUNNING) {
			guard_worker_signal(&g->worker, (int)info.ssi_signo);
		} else {
			shared_log(LOG_NOTICE, "SIGHUP while a worker starts or ends: ignored");
		}
		if (end && !g->stopping) {
			g->stopping = true;
			g->stop_ns = now_ns;
			guard_notify_send(&g->notify, "STOPPING=1\nSTATUS=stopping");
		}
	}
}

/* The page may also hold a word that no worker says. */
static uint32_t worker_state(const struct guard *g)
{
	const uint32_t word = atomic_load_explicit(&g->page->state, memory_order_acquire);

	return g->worker.fd >= 0 && word < GUARDPOL_NONE ? word : GUARDPOL_NONE;
}

/* The worker has said that it ends so that another one begins; its word outlives it. */
static bool has_announced(const struct guard *g)
{
	return atomic_load_explicit(&g->page->state, memory_order_acquire) == GUARDPOL_RELOADING;
}

static void decide(struct guard *g, int64_t now_ns, struct guardpol_out *out)
{
	struct guardpol_in in = {
		.now_ns = now_ns,
		.worker = worker_state(g),
		.latched = g->latch.record.latched,
		.line_failed = g->line_failed,
		.feedback = relay_feedback(&g->relay),
	};

	in.beat_valid = shared_beat_read(g->page, &in.beat);
	in.permit = atomic_load_explicit(&g->page->permit, memory_order_acquire) == SHARED_PERMIT;
	in.reason = atomic_load_explicit(&g->page->reason, memory_order_relaxed);
	g->state = in.worker;
	guardpol_step(&g->policy, &g->settings.policy, &in, out);
}

/* Everything that depends on the decision; the order matters: what opens comes first. */
static void act(struct guard *g, int64_t now_ns, const struct guardpol_out *out)
{
	const int r = g->configured ? relay_drive(&g->relay, out->line, out->precharge) : 0;

	atomic_store_explicit(&g->page->relay,
			      g->relay.fitted ? out->relay : (uint32_t)RELAY_NOT_FITTED,
			      memory_order_release);
	if (out->latch != REASON_NONE) {
		guard_latch_set(&g->latch, g->page, out->latch, 0U);
	}
	if (guard_latch_look(&g->latch, g->page, out->fresh)) {
		guardpol_acked(&g->policy);
	}
	if (out->opened && out->opened_by != REASON_STOPPING) {
		guard_latch_opened(&g->latch, out->opened_by, now_ns);
	}
	g->line_failed = r != 0;
	guard_tell(g, out, -r);
	if (out->kill || (g->stopping && now_ns - g->stop_ns > GUARDPOL_STOP_NS)) {
		guard_worker_kill(&g->worker);
	}
	if (out->healthy) {
		guard_notify_feed(&g->notify, now_ns);
		(void)watchdog_feed(&g->watchdog);
	}
	if (g->configured) {
		guard_latch_save(&g->latch, now_ns);
	}
}

/* Return: exit code of the guard if this was the end, else GUARD_WORKER_ALIVE. */
static int replace_worker(struct guard *g, int64_t now_ns, int code)
{
	if (code != GUARD_WORKER_ALIVE) {
		/* One that refused to start has said why; trying again would not help. */
		if (g->stopping || (!g->worker.has_run && !g->worker.crashed)) {
			return g->override >= 0 ? g->override : code;
		}
		g->reload = code == EXIT_OK && has_announced(g);
	}
	if (g->worker.fd >= 0 || now_ns < g->worker.next_ns) {
		return GUARD_WORKER_ALIVE;
	}
	if (g->stopping) {
		return g->latch.record.latched != REASON_NONE ? EXIT_TRIPPED : EXIT_OK;
	}
	shared_restart(g->page);
	atomic_store_explicit(&g->page->reload, g->reload ? 1U : 0U, memory_order_release);
	atomic_fetch_add_explicit(&g->page->workers, 1U, memory_order_relaxed);
	(void)guard_worker_start(&g->worker, now_ns);
	return GUARD_WORKER_ALIVE;
}

/* Return: exit code, or GUARD_WORKER_ALIVE to go on. */
static int period(struct guard *g, int64_t now_ns)
{
	struct guardpol_out out;

	atomic_fetch_add_explicit(&g->page->guard_beat, 1U, memory_order_relaxed);
	look_at_signals(g, now_ns);

	const int code = guard_worker_reap(&g->worker, now_ns, has_announced(g), g->stopping);

	decide(g, now_ns, &out);
	act(g, now_ns, &out);
	g->worker.has_run = g->worker.has_run || out.fresh;
	guard_look_at_settings(g, now_ns);
	return replace_worker(g, now_ns, code);
}

int guard_run(const char *worker, const char *config_path)
{
	static struct guard g = {.override = -1, .watchdog = {.fd = -1}, .worker = {.fd = -1}};
	int code = guard_open(&g, worker, config_path);

	if (code != EXIT_OK) {
		return code;
	}
	int64_t now_ns = now_on_grid();

	guardpol_init(&g.policy, now_ns);
	if (guard_worker_start(&g.worker, now_ns) != 0) {
		return EXIT_DEVICE;
	}
	do {
		clock_sleep_until(now_ns + GUARD_PERIOD_NS);
		now_ns = now_on_grid();
		code = period(&g, now_ns);
	} while (code == GUARD_WORKER_ALIVE);
	guard_close(&g, clock_now_ns(CLOCK_MONOTONIC));
	return code;
}
