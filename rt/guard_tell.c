/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's words to the service manager and the log: only what has changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "core/telemetry.h"
#include "guard_private.h"
#include "rt/clock.h"
#include "rt/shared_log.h"

#define TEXT_MAX 160

static void tell_relay(struct guard *g, const struct guardpol_out *out)
{
	if (out->closed && g->relay.fitted) {
		shared_log(LOG_NOTICE, "relay closed");
	}
	if (out->opened && g->relay.fitted) {
		shared_log(out->opened_by == REASON_STOPPING ? LOG_NOTICE : LOG_ERR,
			   "relay opened: %s", reason_name((int32_t)out->opened_by));
	}
	if (out->latch != REASON_NONE) {
		shared_log(LOG_ERR,
			   "latched fault: %s; find the cause, then acknowledge with "
			   "jkpylond --ack",
			   reason_name((int32_t)out->latch));
	}
}

static void tell_worker(struct guard *g, const struct guardpol_out *out)
{
	const bool lost = g->state == GUARDPOL_RUNNING && g->policy.lost_ns != TIME_NEVER &&
			  g->policy.advanced;

	if (lost && !g->told_lost) {
		shared_log(LOG_ERR, "worker stands still for more than %d ms",
			   g->settings.policy.beat_ms);
	} else if (!lost && g->told_lost && out->fresh) {
		shared_log(LOG_NOTICE, "worker runs again");
	}
	g->told_lost = lost;
	if (out->kill && !g->worker.killed) {
		shared_log(LOG_ERR, "worker does not %s in time: killed",
			   g->state == GUARDPOL_STARTING  ? "start"
			   : g->state == GUARDPOL_RUNNING ? "run"
							  : "stop");
	}
	if (g->state == GUARDPOL_RELOADING && g->told_state != GUARDPOL_RELOADING) {
		char text[TEXT_MAX];

		snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
			 clock_now_ns(CLOCK_MONOTONIC) / NS_PER_US);
		guard_notify_send(&g->notify, text);
		g->told_ready = false;
	}
	if (out->fresh && g->state == GUARDPOL_RUNNING && !g->told_ready) {
		g->told_ready = true;
		guard_notify_send(&g->notify, "READY=1");
	}
}

static const char *worker_text(const struct guard *g)
{
	if (g->told_lost) {
		return "worker stands still";
	}
	switch (g->state) {
	case GUARDPOL_STARTING:
		return "starting";
	case GUARDPOL_RUNNING:
		return "running";
	case GUARDPOL_STOPPING:
		return "stopping";
	case GUARDPOL_RELOADING:
		return "reloading";
	default:
		return "worker ended, a new one starts";
	}
}

/* One line for `systemctl status`. */
static void tell_status(struct guard *g, const struct guardpol_out *out, bool lost_changed)
{
	const uint32_t latched = g->latch.record.latched;
	const uint32_t reason = latched != REASON_NONE ? latched
						       : atomic_load_explicit(&g->page->reason,
									      memory_order_relaxed);
	char text[TEXT_MAX];

	if (!lost_changed && g->told_state == g->state && g->told_relay == out->relay &&
	    g->told_reason == reason) {
		return;
	}
	g->told_state = g->state;
	g->told_relay = out->relay;
	g->told_reason = reason;
	snprintf(text, sizeof(text), "STATUS=%s, relay %s%s%s%s", worker_text(g),
		 relay_state_name(g->relay.fitted ? (int32_t)out->relay : RELAY_NOT_FITTED),
		 latched != REASON_NONE ? ", latched: " : "",
		 latched == REASON_NONE && reason != REASON_NONE ? ", " : "",
		 reason != REASON_NONE ? reason_name((int32_t)reason) : "");
	guard_notify_send(&g->notify, text);
}

void guard_tell(struct guard *g, const struct guardpol_out *out, int line_error)
{
	const bool lost = g->told_lost;

	if (line_error != 0 && g->told_line_error == 0) {
		shared_log(LOG_ERR, "cannot drive the relay's line: %s: check failsafe.relay",
			   strerror(line_error));
	}
	g->told_line_error = line_error;
	tell_relay(g, out);
	tell_worker(g, out);
	tell_status(g, out, lost != g->told_lost);
}
