/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sink.h"

void sink_emit(struct sink *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
	if (s->len >= s->max) {
		s->lost++;
		return;
	}
	s->event[s->len] = (struct event){
		.t_ns = s->now_ns,
		.id = (uint32_t)id,
		.arg = {a0, a1, a2, a3},
	};
	s->len++;
}
