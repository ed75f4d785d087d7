/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pylon_encode() of src/proto/pylon.c (SAF-08, SAF-10).
 *
 * Proven, for every struct pylon_state and every frame kind, at full length (pylon_length.c has the
 * shorter ones):
 *   - no undefined behaviour (CBMC's check of conversions is off: put_s16() turns a negative number
 *     into its two's complement on purpose; that nothing is lost is what follows);
 *   - 0x351: each current decodes to a value that is not negative and not above what was wanted,
 *     and less than 0.1 A below it unless the field is full; the charge voltage is not above,
 *     the discharge voltage not below what was wanted unless the field is full;
 *   - 0x355: SoC and SoH decode to 0..100 and to the wanted value if that is in the range;
 *   - 0x356: measured values decode to within half a step, or to the end of the field;
 *   - 0x359: every defined bit is set if and only if the alarm is, no other bit is; modules and
 *     "PN";
 *   - 0x35A of the 1.3 dialect: the same for its two-bit fields, each of which is 0 or 1 (active);
 *   - 0x35C: a bit is set if and only if the flag is;
 *   - 0x35F of the 1.3 dialect: the capacity saturates, the other bytes are the constant ones;
 *   - 0x305: the counter, all of it; 0x35E: the name, whatever the state.
 * The payload is read here byte by byte, independent of pylon_decode(); that one gives the same.
 *
 * Bounds: none; the loops run over the bytes and the alarm bits.
 *
 * Assumed: a bool is 0 or 1.
 *
 * takes: 12
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
	PROVE_IF(field != INT16_MAX, wanted_ma - ma < STEP_MA, "limit lost less than a step");
}

static void prove_limits(const struct can_msg *m, const struct pylon_state *s)
{
	const int32_t cvl = u16_at(m, 0);
	const int32_t dvl = u16_at(m, 6);

	prove_current(s16_at(m, 2), s->ccl_ma);
	prove_current(s16_at(m, 4), s->dcl_ma);
	PROVE(cvl * STEP_MV <= max_i32(s->cvl_mv, 0), "charge voltage never above");
	PROVE_IF(cvl != UINT16_MAX, s->cvl_mv - cvl * STEP_MV < STEP_MV, "charge voltage near");
	PROVE_IF(dvl != UINT16_MAX, dvl * STEP_MV >= s->dvl_mv, "discharge voltage never below");
	PROVE_IF(dvl != 0, (dvl - 1) * STEP_MV < s->dvl_mv, "discharge voltage near");
}

static void prove_percent(int32_t field, int32_t wanted)
{
	PROVE(field >= 0 && field <= PERCENT_MAX, "percentage in range");
	PROVE_IF(wanted >= 0 && wanted <= PERCENT_MAX, field == wanted, "percentage as wanted");
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

/* Bit and alarm, byte by byte as in the document; 0: no such bit. */
static const uint32_t alarm_of[2][8] = {
	{0, PYLON_CELL_HIGH, PYLON_CELL_LOW, PYLON_TEMP_HIGH, PYLON_TEMP_LOW, 0, 0,
	 PYLON_DISCHARGE_OC},
	{PYLON_CHARGE_OC, 0, 0, 0, 0, 0, 0, 0},
};

/* The alarm in bit @bit of byte @byte of 0x359, which is field 8 * @byte + @bit of 0x35A. */
static bool alarm_at(const struct pylon_state *s, uint32_t byte, uint32_t bit)
{
	uint32_t alarm = alarm_of[byte % 2][bit];

	if (byte == 1 && bit == 3) {
		alarm = PYLON_SYSTEM;
	} else if (byte == 3 && bit == 3) {
		alarm = PYLON_COMM;
	}
	return ((byte < 2 ? s->protections : s->warnings) & alarm) != 0;
}

static void prove_alarms(const struct can_msg *m, const struct pylon_state *s)
{
	for (uint32_t i = 0; i < 32; i++) {
		PROVE(((m->data[i / 8] >> (i % 8)) & 1U) == (alarm_at(s, i / 8, i % 8) ? 1U : 0U),
		      "alarm bit as the alarm");
	}
	PROVE(m->data[4] == s->modules, "modules");
	PROVE(m->data[5] == 'P' && m->data[6] == 'N' && m->data[7] == 0, "PN");
}

static void prove_alarms_v13(const struct can_msg *m, const struct pylon_state *s)
{
	for (uint32_t i = 0; i < 32; i++) {
		PROVE(((m->data[i / 4] >> (2 * (i % 4))) & 3U) ==
			      (alarm_at(s, i / 8, i % 8) ? 1U : 0U),
		      "alarm field as the alarm");
	}
}

static void prove_info_v13(const struct can_msg *m, const struct pylon_state *s)
{
	PROVE(u16_at(m, 4) == min_i32(max_i32(s->capacity_ah, 0), UINT16_MAX),
	      "capacity saturates");
	PROVE(m->data[0] == 0x4C && m->data[1] == 0x49 && m->data[2] == 1 && m->data[3] == 3 &&
		      m->data[6] == 0xAA && m->data[7] == 0,
	      "type and version");
}

static void prove_name(const struct can_msg *m)
{
	static const char name[] = "PYLON   ";

	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		PROVE(m->data[i] == (uint8_t)name[i], "name");
	}
}

static void prove_payload(const struct can_msg *m, unsigned int kind, const struct pylon_state *s)
{
	struct pylon_report r;

	switch (kind) {
	case PYLON_FRAME_LIMITS:
		prove_limits(m, s);
		PROVE(pylon_decode(m, &r) == 0 && r.state.ccl_ma == s16_at(m, 2) * STEP_MA &&
			      r.state.dcl_ma == s16_at(m, 4) * STEP_MA,
		      "decodes");
		break;
	case PYLON_FRAME_SOC:
		prove_percent(u16_at(m, 0), s->soc_pct);
		prove_percent(u16_at(m, 2), s->soh_pct);
		break;
	case PYLON_FRAME_MEASURED:
		prove_measured(s16_at(m, 0), STEP_PMV, s->pack_mv);
		prove_measured(s16_at(m, 2), STEP_MA, s->pack_ma);
		prove_measured(s16_at(m, 4), 1, s->temp_dc);
		break;
	case PYLON_FRAME_REQUEST:
		prove_flags(m, s);
		break;
	case PYLON_FRAME_ALARMS:
		prove_alarms(m, s);
		break;
	case PYLON_FRAME_NAME:
		prove_name(m);
		break;
	case PYLON_FRAME_ALARMS_V13:
		prove_alarms_v13(m, s);
		break;
	case PYLON_FRAME_INFO_V13:
		prove_info_v13(m, s);
		break;
	case PYLON_FRAME_ALIVE:
		PROVE(u16_at(m, 0) == (int32_t)(s->alive & 0xFFFFU) &&
			      u16_at(m, 2) == (int32_t)(s->alive >> 16),
		      "alive counter");
		break;
	default:
		break;
	}
}

int main(void)
{
	struct pylon_profile p; /* any content */
	const struct pylon_state s = any_state();
	const unsigned int kind = nondet_u8();

	ASSUME(kind < PYLON_FRAMES && p.len[kind] >= CAN_MSG_DATA_MAX);
	const struct can_msg m = pylon_encode(&p, (enum pylon_frame)kind, &s);

	PROVE(m.len == CAN_MSG_DATA_MAX, "whole frame");
	prove_payload(&m, kind, &s);
	return 0;
}
