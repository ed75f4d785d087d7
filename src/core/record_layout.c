/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a state of the core that was saved elsewhere one of ours? A sum over place and size of its
 * members, two levels deep. Members have a fixed width and there is no pointer but the first, so
 * amd64 and 32 bit ARM come to the same sum; a machine that lays 64 bit members out on 4 bytes
 * comes to another one, and so does a version with other members.
 */
#include <stddef.h>

#include "base/units.h"
#include "core/record.h"

#define BEGIN 0x811C9DC5U
#define PRIME 0x01000193U

/* Place and size of one member. */
#define M(T, m) (uint32_t) offsetof(struct T, m), (uint32_t)sizeof(((struct T *)NULL)->m)

/* clang-format off */
static const uint32_t layout[] = {
	/* the pointer takes 8 bytes in front of the next member on both */
	(uint32_t)sizeof(struct cycle), (uint32_t)offsetof(struct cycle, bms),
	M(cycle, bms), M(cycle, temperature), M(cycle, plausible), M(cycle, verdict),
	M(cycle, limiter), M(cycle, charge), M(cycle, safety), M(cycle, link), M(cycle, lease),
	M(cycle, arbiter), M(cycle, damping), M(cycle, soc_reached), M(cycle, known),
	M(cycle, sample), M(cycle, decoded), M(cycle, answer), M(cycle, envelope),
	M(cycle, start_ns), M(cycle, trusted_ns), M(cycle, boot_offset_ns), M(cycle, stop_ns),
	M(cycle, have_sample), M(cycle, suspended), M(cycle, greeted), M(cycle, contradiction),
	M(cycle, alarms_reported), M(cycle, mosfets_reported), M(cycle, odd_reported),
	M(cycle, told_value), M(cycle, told_ns), M(cycle, maximum_ma), M(cycle, envelope_ma),
	M(cycle, envelope_by), M(cycle, limit_ma), M(cycle, limited_by), M(cycle, reported_by),
	M(cycle, hold_cvl_mv), M(cycle, hold_soc), M(cycle, cvl_mv), M(cycle, ovp_mv),
	M(cycle, ovp_last_mv), M(cycle, ovp_last_good), M(cycle, events_lost),
	M(cycle, implausible_count), M(cycle, held), M(cycle, say), M(cycle, telemetry),
	M(bms_link, framer), M(bms_link, next_ns), M(bms_link, quiet_until_ns), M(bms_link, open),
	M(bms_link, answered), M(bms_link, head), M(bms_link, late), M(bms_link, verdict),
	M(bms_link, reply_ms), M(bms_link, frame_len), M(bms_link, frame), M(bms_link, scratch),
	M(jk_sample, have), M(jk_sample, cell_mv), M(jk_sample, pack_mv), M(jk_sample, alarms),
	M(jk_sample, capacity_ah), M(jk_sample, manufacturer),
	M(sample, t_ns), M(sample, cells), M(sample, cell_mv), M(sample, cell_min_no),
	M(sample, pack_mv), M(sample, pack_ma), M(sample, missing), M(sample, odd_value),
	M(sample, probe_raw), M(sample, probe_valid), M(sample, mosfet), M(sample, alarms),
	M(sample, probe_dc), M(sample, mos_dc), M(sample, bms),
	M(limiter, ramp_ma), M(limiter, ratchet_ma), M(limiter, ramp_rest), M(limiter, last_ns),
	M(limiter, previous_good), M(charge, phase), M(charge, full), M(charge, cell_target_uv),
	M(charge, full_since_ns), M(safety, step), M(safety, reason), M(safety, latched),
	M(safety, good), M(safety, permit), M(safety, caution_ma), M(safety, reclose_ns),
	M(safety, relay), M(safety, recover_until_ns), M(safety, level), M(safety, obey),
	M(link, set_ns), M(link, alive_ns), M(link, sent_ma), M(link, state), M(link, slot),
	M(link, stuck), M(link, sent), M(lease, until_ns), M(lease, value), M(lease, active),
	M(arbiter, cap_ma), M(arbiter, rule), M(arbiter, peer_from), M(arbiter, busy_ns),
	M(arbiter, grid_told), M(arbiter, dir), M(damping, cap_ma), M(damping, active),
	M(damping, ring), M(damping, next), M(damping, risen_ns),
	M(envelope_in, cell_min_mv), M(envelope_in, alarms), M(envelope_in, mosfet),
	M(envelope_in, valid), M(envelope_in, bms), M(held, t_ns), M(held, reload), M(held, kept),
	M(telemetry, sample), M(telemetry, age_ms), M(telemetry, step), M(telemetry, limit_ma),
	M(telemetry, permit), M(telemetry, latched), M(telemetry, count_requests),
	M(telemetry, relay), M(telemetry, arbiter_ma), M(telemetry, grid_w),
	M(telemetry, lease_value),
};
/* clang-format on */

uint32_t record_layout(void)
{
	uint32_t h = BEGIN;

	for (uint32_t i = 0; i < ARRAY_SIZE(layout); i++) {
		h = (h ^ layout[i]) * PRIME;
	}
	return h;
}
