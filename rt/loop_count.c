/* SPDX-License-Identifier: Apache-2.0 */
/* What the realtime cycle counts and shows of itself. */
#include "loop_count.h"

#include <sys/resource.h>

#include "base/units.h"

#define RESPONSE_STEPS	   2 /* a falling limit leaves in this period or the next */
#define RUSAGE_MINOR	   0
#define RUSAGE_MAJOR	   1
#define RUSAGE_VOLUNTARY   2
#define RUSAGE_INVOLUNTARY 3

void loop_record_time(struct loop *l, enum stats_time kind, int64_t ns)
{
	struct stats_range *r = &l->counters.time[kind];
	const uint32_t bucket = stats_hist_index(ns);

	r->min_ns = min_i64(r->min_ns, ns);
	r->max_ns = max_i64(r->max_ns, ns);
	r->sum_ns += ns;
	r->count++;
	l->hist[kind][bucket]++;
	if (l->config.stats != NULL) {
		atomic_store_explicit(&l->config.stats->hist[kind][bucket], l->hist[kind][bucket],
				      memory_order_relaxed);
	}
}

void loop_count_response(struct loop *l, const struct telemetry *t, int64_t now_ns)
{
	if (t->count_samples != l->samples_seen) {
		l->samples_seen = t->count_samples;
		atomic_store_explicit(&l->samples, t->count_samples, memory_order_relaxed);
		l->response_steps = RESPONSE_STEPS;
	}
	if (l->response_steps > 0U) {
		l->response_steps--;
		if (l->out.can_tx_len > 0U) {
			l->response_steps = 0U;
			loop_record_time(l, STATS_RESPONSE, now_ns - l->rx_ns);
		}
	}
}

void loop_self_check(struct loop *l)
{
	struct rusage u;

	if (l->in.now_ns - l->checked_ns < LOOP_SELF_CHECK_NS) {
		return;
	}
	l->checked_ns = l->in.now_ns;
	if (getrusage(RUSAGE_THREAD, &u) != 0) {
		return;
	}
	l->counters.minor_faults = u.ru_minflt - l->rusage_base[RUSAGE_MINOR];
	l->counters.major_faults = u.ru_majflt - l->rusage_base[RUSAGE_MAJOR];
	l->counters.voluntary = u.ru_nvcsw - l->rusage_base[RUSAGE_VOLUNTARY];
	l->counters.involuntary = u.ru_nivcsw - l->rusage_base[RUSAGE_INVOLUNTARY];
}

void loop_publish(struct loop *l, const struct telemetry *t)
{
	const bool news = l->out.event_len > 0U || l->out.can_tx_len > 0U || l->in.rx_len > 0U;

	if (l->config.stats == NULL ||
	    (!news && l->in.now_ns - l->published_ns < LOOP_SNAPSHOT_NS)) {
		return;
	}
	l->published_ns = l->in.now_ns;
	l->counters.t_ns = l->in.now_ns;
	l->counters.events_lost = ring_dropped(l->config.events);
	l->counters.flags = atomic_load_explicit(&l->flags, memory_order_relaxed);
	serial_get_stats(l->config.serial, &l->counters.serial);
	if (l->config.can != NULL) {
		can_port_get_stats(l->config.can, &l->counters.can);
	}
	snapshot_write(&l->config.stats->telemetry.head, t, sizeof(*t));
	snapshot_write(&l->config.stats->loop.head, &l->counters, sizeof(l->counters));
}

void loop_arm(struct loop *l)
{
	struct rusage u;

	if (getrusage(RUSAGE_THREAD, &u) == 0) {
		l->rusage_base[RUSAGE_MINOR] = u.ru_minflt;
		l->rusage_base[RUSAGE_MAJOR] = u.ru_majflt;
		l->rusage_base[RUSAGE_VOLUNTARY] = u.ru_nvcsw;
		l->rusage_base[RUSAGE_INVOLUNTARY] = u.ru_nivcsw;
	}
	atomic_fetch_or_explicit(&l->flags, STATS_ARMED, memory_order_relaxed);
}
