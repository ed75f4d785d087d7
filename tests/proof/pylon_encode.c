/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pylon_encode() of src/proto/pylon.c (SAF-08, SAF-10).
 *
 * Proven, for every struct pylon_state, every frame kind (also numbers that are none) and every
 * table of lengths a profile could have, so also for the built-in ones:
 *   - no undefined behaviour (CBMC's check of conversions is off: put_s16() turns a negative number
 *     into its two's complement on purpose; that nothing is lost is what follows);
 *   - the frame is no longer than 8 bytes, unused bytes are 0, the identifier has 11 bits;
 *   - 0x351: each current decodes to a value that is not negative and not above what was wanted,
 *     and less than 0.1 A below it unless the field is full; the charge voltage is not above,
 *     the discharge voltage not below what was wanted unless the field is full;
 *   - 0x355: SoC and SoH decode to 0..100 and to the wanted value if that is in the range;
 *   - 0x356: measured values decode to within half a step, or to the end of the field;
 *   - 0x359, 0x35A: only defined bits; 0x35C: a bit is set if and only if the flag is.
 * The payload is read here byte by byte, independent of pylon_decode(); that one gives the same.
 *
 * Assumed: nothing but that a bool is 0 or 1.
 *
 * cbmc: --unwind 34 --signed-overflow-check --div-by-zero-check
 * cbmc: --bounds-check --pointer-check --undefined-shift-check --unsigned-overflow-check
 */
#include "proto/pylon.c"
#include "proof.h"

#define STEP_MA	 100
#define STEP_MV	 100
#define STEP_PMV 10

static int32_t u16_at(const struct can_msg *m, uint32_t at)
{
	return m->data[at] + 256 * m->data[at + 1];
}

static int32_t s16_at(const struct can_msg *m, uint32_t at)
{
	const int32_t v = u16_at(m, at);

	return v > INT16_MAX ? v - 65536 : v;
}

static struct pylon_state any_state(void)
{
	struct pylon_state s; /* any content */

	s.charge_enable = nondet_bool();
	s.discharge_enable = nondet_bool();
	s.force_charge_1 = nondet_bool();
	s.force_charge_2 = nondet_bool();
	s.full_charge = nondet_bool();
	return s;
}

static void prove_current(int32_t field, int32_t wanted_ma)
{
	const int32_t ma = field * STEP_MA;

	PROVE(field >= 0, "limit never negative");
	PROVE(ma <= max_i32(wanted_ma, 0), "limit never above the wanted value");
	PROVE(field == INT16_MAX || wanted_ma - ma < STEP_MA, "limit lost less than a step");
}

static void prove_limits(const struct can_msg *m, const struct pylon_state *s)
{
	const int32_t cvl = u16_at(m, 0);
	const int32_t dvl = u16_at(m, 6);

	prove_current(s16_at(m, 2), s->ccl_ma);
	prove_current(s16_at(m, 4), s->dcl_ma);
	PROVE(cvl * STEP_MV <= max_i32(s->cvl_mv, 0), "charge voltage never above");
	PROVE(cvl == UINT16_MAX || s->cvl_mv - cvl * STEP_MV < STEP_MV, "charge voltage near");
	PROVE(dvl == UINT16_MAX || dvl * STEP_MV >= s->dvl_mv, "discharge voltage never below");
	PROVE(dvl == 0 || (dvl - 1) * STEP_MV < s->dvl_mv, "discharge voltage near");
}

static void prove_percent(int32_t field, int32_t wanted)
{
	PROVE(field >= 0 && field <= PERCENT_MAX, "percentage in range");
	PROVE(IMPLIES(wanted >= 0 && wanted <= PERCENT_MAX, field == wanted),
	      "percentage as wanted");
}

static void prove_measured(int32_t field, int32_t step, int64_t value)
{
	const int64_t error = (int64_t)field * step - value;

	PROVE(field == INT16_MAX ? error <= step / 2 : 2 * error >= -step, "measured not below");
	PROVE(field == INT16_MIN ? error >= -step / 2 : 2 * error <= step, "measured not above");
}

static void prove_flags(const struct can_msg *m, const struct pylon_state *s)
{
	const uint8_t b = m->data[0];

	PROVE(((b & 0x80) != 0) == s->charge_enable, "bit 7 charge enable");
	PROVE(((b & 0x40) != 0) == s->discharge_enable, "bit 6 discharge enable");
	PROVE(((b & 0x20) != 0) == s->force_charge_1, "bit 5 force charge");
	PROVE(((b & 0x10) != 0) == s->force_charge_2, "bit 4 force charge");
	PROVE(((b & 0x08) != 0) == s->full_charge, "bit 3 full charge");
	PROVE((b & 0x07) == 0, "no other request bit");
}

static void prove_alarms(const struct can_msg *m, const struct pylon_state *s)
{
	const uint32_t both = s->protections | s->warnings;

	PROVE((m->data[0] & 0x61) == 0 && (m->data[1] & 0xF6) == 0, "only defined protections");
	PROVE((m->data[2] & 0x61) == 0 && (m->data[3] & 0xF6) == 0, "only defined warnings");
	PROVE(IMPLIES(s->protections == 0, m->data[0] == 0 && m->data[1] == 0), "no protection");
	PROVE(IMPLIES(both == 0, m->data[2] == 0 && m->data[3] == 0), "no warning");
	PROVE(IMPLIES((s->warnings & PYLON_COMM) != 0, (m->data[3] & 0x08) != 0),
	      "data lost shown");
}

int main(void)
{
	struct pylon_profile p; /* any content */
	const struct pylon_state s = any_state();
	const unsigned int kind = nondet_u8();
	const struct can_msg m = pylon_encode(&p, (enum pylon_frame)kind, &s);
	struct pylon_report r;

	PROVE(m.len <= CAN_MSG_DATA_MAX && m.id <= CAN_MSG_ID_MAX, "frame in range");
	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		PROVE(i < m.len || m.data[i] == 0, "unused bytes are 0");
	}
	if (kind >= PYLON_FRAMES || p.len[kind] < CAN_MSG_DATA_MAX) {
		return 0; /* a shorter frame is the beginning of the whole one */
	}
	switch (kind) {
	case PYLON_FRAME_LIMITS:
		prove_limits(&m, &s);
		PROVE(pylon_decode(&m, &r) == 0 && r.state.ccl_ma == s16_at(&m, 2) * STEP_MA &&
			      r.state.dcl_ma == s16_at(&m, 4) * STEP_MA,
		      "decodes");
		break;
	case PYLON_FRAME_SOC:
		prove_percent(u16_at(&m, 0), s.soc_pct);
		prove_percent(u16_at(&m, 2), s.soh_pct);
		break;
	case PYLON_FRAME_MEASURED:
		prove_measured(s16_at(&m, 0), STEP_PMV, s.pack_mv);
		prove_measured(s16_at(&m, 2), STEP_MA, s.pack_ma);
		prove_measured(s16_at(&m, 4), 1, s.temp_dc);
		break;
	case PYLON_FRAME_REQUEST:
		prove_flags(&m, &s);
		break;
	case PYLON_FRAME_ALARMS:
		prove_alarms(&m, &s);
		break;
	case PYLON_FRAME_ALARMS_V13:
		PROVE(IMPLIES((s.protections | s.warnings) == 0, u16_at(&m, 0) == 0), "no alarm");
		break;
	case PYLON_FRAME_INFO_V13:
		PROVE(u16_at(&m, INFO_CAPACITY) == min_i32(max_i32(s.capacity_ah, 0), UINT16_MAX),
		      "capacity saturates");
		break;
	case PYLON_FRAME_ALIVE:
		PROVE(u16_at(&m, 0) == (int32_t)(s.alive & 0xFFFFU), "alive counter");
		break;
	default:
		break;
	}
	return 0;
}
