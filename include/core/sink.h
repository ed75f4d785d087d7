/* SPDX-License-Identifier: Apache-2.0 */
/* Where the modules of the core put their events: into the output of the running step. */
#ifndef JKP_CORE_SINK_H
#define JKP_CORE_SINK_H

#include <stdint.h>

#include "base/event.h"

/**
 * struct sink - bounded list of events of one step
 * @now_ns: time of the step
 * @event: storage, @max entries
 * @len: entries used
 * @lost: events refused because the list was full, since start
 */
struct sink {
	int64_t now_ns;
	struct event *event;
	uint32_t max;
	uint32_t len;
	uint32_t lost;
};

/**
 * sink_emit - add one event; a full list counts it as lost
 *
 * Context: the thread that runs the step. Bound: constant.
 */
void sink_emit(struct sink *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2, int32_t a3);

#endif
