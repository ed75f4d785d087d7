/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/guard_latch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/remedy.h"
#include "base/units.h"
#include "core/telemetry.h"
#include "rt/clock.h"
#include "rt/shared_log.h"

static void publish(const struct guard_latch *l, struct shared_page *page)
{
	const struct shared_latch latch = {.number = l->number,
					   .reason = (uint8_t)l->record.latched,
					   .level = (uint8_t)l->record.detail};

	atomic_store_explicit(&page->latch, shared_latch_word(latch), memory_order_release);
}

static void change(struct guard_latch *l, struct shared_page *page, uint32_t reason, uint32_t level)
{
	l->record.latched = reason;
	l->record.detail = level;
	l->record.when_s = clock_now_ns(CLOCK_REALTIME) / NS_PER_S;
	l->number++;
	l->unsaved = true;
	publish(l, page);
}

int guard_latch_open(struct guard_latch *l, struct shared_page *page, const char *path,
		     const char *relay, char *error, size_t size)
{
	int r = state_open(&l->state, path, REASON_STATE, &l->record, error, size);

	if (r != 0) {
		return r;
	}
	if (error[0] != '\0') {
		shared_log(LOG_WARNING, "%s", error);
	}
	if (l->record.latched >= REASONS) {
		l->record.latched = REASON_STATE;
	}
	if (l->record.latched != REASON_NONE) {
		shared_log(LOG_ERR,
			   "latched fault: %s: the relay stays open; find the cause, then "
			   "acknowledge with jkpylond --ack",
			   reason_name((int32_t)l->record.latched));
	}
	if (strncmp(l->record.relay, relay, sizeof(l->record.relay)) != 0) {
		snprintf(l->record.relay, sizeof(l->record.relay), "%s", relay);
		l->unsaved = true;
	}
	publish(l, page);
	r = state_start(&l->state);
	if (r != 0) {
		snprintf(error, size, "cannot start the recorder of %s: %s: %s", path, strerror(-r),
			 remedy_of(-r));
		state_close(&l->state);
	}
	return r;
}

void guard_latch_set(struct guard_latch *l, struct shared_page *page, uint32_t reason,
		     uint32_t level)
{
	if (l->record.latched == REASON_NONE) {
		change(l, page, reason < REASONS ? reason : REASON_CONTRADICTION, level);
	}
}

bool guard_latch_look(struct guard_latch *l, struct shared_page *page, bool fresh)
{
	const uint32_t ack = atomic_load_explicit(&page->ack, memory_order_acquire);
	const struct shared_latch core = shared_latch_read(
		atomic_load_explicit(&page->latched, memory_order_acquire));

	if (core.reason != REASON_NONE) {
		guard_latch_set(l, page, core.reason, core.level);
		return false;
	}
	if (!fresh || l->record.latched == REASON_NONE || ack != SHARED_ACK + l->number) {
		return false;
	}
	change(l, page, REASON_NONE, 0U);
	return true;
}

void guard_latch_opened(struct guard_latch *l, uint32_t reason, int64_t now_ns)
{
	if (l->record.opened_by == reason && now_ns - l->noted_ns < GUARD_LATCH_SAME_NS) {
		return;
	}
	l->record.opened_by = reason;
	l->record.when_s = clock_now_ns(CLOCK_REALTIME) / NS_PER_S;
	l->noted_ns = now_ns;
	l->unsaved = true;
}

/* One after the other, but not a line for each. */
static void start_recorder(struct guard_latch *l, int64_t now_ns)
{
	const int r = state_start(&l->state);

	if (l->pause_ns != 0 && now_ns < l->tell_ns) {
		return;
	}
	l->pause_ns = l->pause_ns == 0 ? GUARD_LATCH_RETRY_NS
				       : min_i64(2 * l->pause_ns, GUARD_LATCH_PAUSE_NS);
	l->tell_ns = now_ns + l->pause_ns;
	if (r == 0) {
		shared_log(LOG_ERR, "the recorder of the state file has ended: started anew");
	} else {
		shared_log(LOG_ERR,
			   "the recorder of the state file has ended and cannot be started anew: "
			   "%s: %s",
			   strerror(-r), remedy_of(-r));
	}
}

void guard_latch_save(struct guard_latch *l, int64_t now_ns)
{
	int r = 0;

	if (l->unsaved) {
		l->record.monotonic_ns = now_ns;
		r = state_put(&l->state, &l->record);
		l->unsaved = false;
		l->pending = true;
		l->put_ns = now_ns;
	}
	if (!l->pending || now_ns < l->retry_ns) {
		return;
	}
	r = r == 0 ? state_check(&l->state) : r;
	if (r == -EPIPE) {
		l->retry_ns = now_ns + GUARD_LATCH_RETRY_NS;
		start_recorder(l, now_ns);
	}
	l->pause_ns = r == 0 ? 0 : l->pause_ns;
	l->pending = r != 0;
	if (l->pending && !l->told_late && now_ns - l->put_ns > GUARD_LATCH_LATE_NS) {
		l->told_late = true;
		shared_log(LOG_ERR,
			   "the state file is not on disk after 5 s: what is latched would "
			   "not survive a power failure");
	}
	l->told_late = l->told_late && l->pending;
}
