/* SPDX-License-Identifier: Apache-2.0 */
/* What the realtime cycle counts and shows of itself. */
#include "loop_count.h"

#include <string.h>
#include <sys/resource.h>

#include "base/units.h"

#define NS_PER_DS	   (100 * NS_PER_MS)
#define RUSAGE_MINOR	   0
#define RUSAGE_MAJOR	   1
#define RUSAGE_VOLUNTARY   2
#define RUSAGE_INVOLUNTARY 3

static void begin_times(struct loop *l, int64_t now_ns)
{
	l->counters.since_ns = now_ns;
	memset(l->rule_came, 0, sizeof(l->rule_came));
	memset(l->rule_lasted_ns, 0, sizeof(l->rule_lasted_ns));
	for (uint32_t d = 0; d < DIRS; d++) {
		l->since.rule_ns[d] = now_ns;
	}
}

void loop_count_init(struct loop *l, int64_t now_ns)
{
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		l->counters.time[i].min_ns = INT64_MAX;
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		l->since.rule[d] = RULES;
	}
	l->since.can_link = CAN_LINKS;
	l->counted_ns = now_ns - LOOP_COUNTERS_NS;
	begin_times(l, now_ns);
}

static void publish_rule(struct loop *l, uint32_t d, uint32_t rule)
{
	struct stats_page *page = l->config.stats;

	if (page != NULL) {
		atomic_store_explicit(&page->rules.came[d][rule], l->rule_came[d][rule],
				      memory_order_relaxed);
		atomic_store_explicit(&page->rules.lasted_ds[d][rule],
				      (uint32_t)(l->rule_lasted_ns[d][rule] / NS_PER_DS),
				      memory_order_relaxed);
	}
}

/* Bring the time up to now for which the rule has set the limit. */
static void count_rule_time(struct loop *l, uint32_t d)
{
	struct loop_since *s = &l->since;

	if (s->rule[d] < RULES) {
		l->rule_lasted_ns[d][s->rule[d]] += l->in.now_ns - s->rule_ns[d];
		publish_rule(l, d, s->rule[d]);
	}
	s->rule_ns[d] = l->in.now_ns;
}

static void change_rule(struct loop *l, uint32_t d, uint32_t rule)
{
	count_rule_time(l, d);
	l->since.rule[d] = rule;
	if (rule < RULES) {
		l->rule_came[d][rule]++;
		publish_rule(l, d, rule);
	}
}

static void change_link(struct loop *l, uint32_t link)
{
	l->since.can_link = link;
	if (link < CAN_LINKS) {
		l->counters.can_state[link]++;
	}
	if (link != CAN_LINK_UP && link != CAN_LINK_WARNING && link != CAN_LINK_PASSIVE) {
		loop_time_forget(l);
	}
}

/* One histogram a period: all at once would take as long as two periods do. */
static void step_reset(struct loop *l)
{
	struct stats_page *page = l->config.stats;
	const uint32_t i = --l->reset_left;

	memset(l->hist[i], 0, sizeof(l->hist[i]));
	l->counters.time[i] = (struct stats_range){.min_ns = INT64_MAX};
	for (uint32_t cell = 0; page != NULL && cell < STATS_HIST_CELLS; cell++) {
		atomic_store_explicit(&page->hist[i][cell], 0U, memory_order_relaxed);
	}
	if (i != 0U) {
		return;
	}
	begin_times(l, l->in.now_ns);
	for (uint32_t d = 0; d < DIRS; d++) {
		for (uint32_t rule = 0; rule < RULES; rule++) {
			publish_rule(l, d, rule);
		}
	}
	l->counters.resets++;
}

void loop_count_step(struct loop *l, const struct telemetry *t)
{
	l->since.first_id = 0U;
	if (l->in.can_link != l->since.can_link) {
		change_link(l, l->in.can_link);
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		if (t->limited_by[d] != l->since.rule[d]) {
			change_rule(l, d, t->limited_by[d]);
		}
	}
	if (l->reset_left > 0U) {
		step_reset(l);
	}
}

void loop_self_check(struct loop *l)
{
	struct rusage u;

	if (l->in.now_ns - l->checked_ns < LOOP_SELF_CHECK_NS) {
		return;
	}
	l->checked_ns = l->in.now_ns;
	for (uint32_t d = 0; d < DIRS; d++) {
		count_rule_time(l, d);
	}
	if (atomic_exchange_explicit(&l->want_reset, 0U, memory_order_relaxed) != 0U) {
		l->reset_left = STATS_TIMES;
	}
	if (getrusage(RUSAGE_THREAD, &u) != 0) {
		return;
	}
	l->counters.minor_faults = u.ru_minflt - l->rusage_base[RUSAGE_MINOR];
	l->counters.major_faults = u.ru_majflt - l->rusage_base[RUSAGE_MAJOR];
	l->counters.voluntary = u.ru_nvcsw - l->rusage_base[RUSAGE_VOLUNTARY];
	l->counters.involuntary = u.ru_nivcsw - l->rusage_base[RUSAGE_INVOLUNTARY];
}

static void publish_counters(struct loop *l)
{
	l->counted_ns = l->in.now_ns;
	l->counters.t_ns = l->in.now_ns;
	l->counters.events_lost = ring_dropped(l->config.events);
	l->counters.flags = atomic_load_explicit(&l->flags, memory_order_relaxed);
	serial_get_stats(l->config.serial, &l->counters.serial);
	if (l->config.can != NULL) {
		can_port_get_stats(l->config.can, &l->counters.can);
	}
	snapshot_write(&l->config.stats->loop.head, &l->counters, sizeof(l->counters));
}

void loop_publish(struct loop *l, const struct telemetry *t)
{
	const bool news = l->out.event_len > 0U || l->out.can_tx_len > 0U || l->in.rx_len > 0U;

	if (l->config.stats == NULL) {
		return;
	}
	if (news || l->in.now_ns - l->published_ns >= LOOP_SNAPSHOT_NS) {
		l->published_ns = l->in.now_ns;
		snapshot_write(&l->config.stats->telemetry.head, t, sizeof(*t));
	}
	if (l->in.now_ns - l->counted_ns >= LOOP_COUNTERS_NS) {
		publish_counters(l);
	}
}

void loop_count_end(struct loop *l)
{
	if (l->config.stats != NULL) {
		publish_counters(l);
	}
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
