/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's encoder against the product's decoder: two register tables written apart from
 * each other must agree.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "proto/jk_uart.h"
#include "sim_capture.h"
#include "sim_image.h"
#include "sim_random.h"
#include "unit/base/seed.h"

#define VECTORS	    JKP_SOURCE_DIR "/tests/vectors/"
#define CELLS_FROM  8
#define CELLS_TO    24
#define ROUNDS	    200
#define REPLY_BASE  243U /* bytes of a full reply without cells: LEN 0xF1 + 2 */
#define CAPACITY_AH 280.0

static uint32_t seed;

/* A battery with random values, each in the range its register has. */
static void random_battery(struct sim_battery *b, int cells, struct sim_random *r)
{
	const struct sim_battery_setup setup = {
		.cells = cells,
		.capacity_ah = CAPACITY_AH,
		.soc_pct = 100 * sim_random_unit(r),
		.ambient_c = 20,
		.spread = 0.02,
		.seed = sim_random_next(r),
	};

	sim_battery_init(b, &setup);
	b->current_a = 200 * sim_random_pm(r);
	for (int p = 0; p < SIM_PROBES; p++) {
		b->temp_c[p] = 40 * sim_random_pm(r) + 20;
	}
	b->mos_on[0] = sim_random_next(r) & 1U;
	b->mos_on[1] = sim_random_next(r) & 1U;
	b->balancing = sim_random_next(r) & 1U;
	b->alarms = (uint16_t)(sim_random_next(r) & 0x3FFFU);
}

static void check_live_values(const struct sim_battery *b, const struct jk_sample *s)
{
	assert_int_equal(s->cells, b->cells);
	assert_int_equal(s->cell_count, b->cells);
	for (int i = 0; i < b->cells; i++) {
		assert_int_equal(s->cell_mv[i], lround(sim_battery_cell_v(b, i) * 1000.0));
	}
	assert_true(fabs(s->pack_mv / 1000.0 - sim_battery_pack_v(b)) <= 0.0051);
	assert_true(fabs(s->current_ma / 1000.0 - b->current_a) <= 0.0051);
	assert_int_equal(s->soc_pct, lround(sim_battery_soc(b)));
	assert_true(fabs(jk_temp_dc(s->mos_temp_raw) / 10.0 - b->temp_c[0]) <= 0.51);
	assert_true(fabs(jk_temp_dc(s->box_temp_raw) / 10.0 - b->temp_c[1]) <= 0.51);
	assert_true(fabs(jk_temp_dc(s->battery_temp_raw) / 10.0 - b->temp_c[2]) <= 0.51);
	assert_int_equal(s->alarms, b->alarms);
	assert_int_equal((s->status & JK_STATUS_CHARGE_MOS) != 0, b->mos_on[0]);
	assert_int_equal((s->status & JK_STATUS_DISCHARGE_MOS) != 0, b->mos_on[1]);
	assert_int_equal((s->status & JK_STATUS_BALANCING) != 0, b->balancing);
	assert_int_equal(s->capacity_ah, CAPACITY_AH);
	assert_int_equal(s->cell_setting, b->cells);
}

static void round_trip(int cells, int version, struct sim_random *r)
{
	struct sim_battery b;
	struct sim_override o;
	struct sim_image img;
	struct jk_sample s;
	uint8_t frame[SIM_FRAME_MAX];

	random_battery(&b, cells, r);
	sim_override_clear(&o);
	o.version = version;
	sim_image_default(&img, cells, CAPACITY_AH);
	sim_image_patch(&img, &b, &o);
	const size_t len = sim_image_encode(&img, frame);

	assert_int_equal(len, REPLY_BASE + 3U * (unsigned int)cells);
	assert_int_equal(jk_decode(frame, len, &s), JK_OK);
	check_live_values(&b, &s);
}

static void test_encoded_frames_decode_to_the_same_values_8_to_24_cells(void **state)
{
	struct sim_random r;

	(void)state;
	sim_random_init(&r, seed);
	for (int cells = CELLS_FROM; cells <= CELLS_TO; cells++) {
		for (int n = 0; n < ROUNDS; n++) {
			round_trip(cells, 1, &r);
		}
	}
	round_trip(3, 1, &r);
	round_trip(SIM_CELLS_MAX, 1, &r);
}

/* C0 = 0: current as an offset from 10000; it ends at +100 A. */
static void test_both_encodings_of_the_current(void **state)
{
	static const double amps[] = {0, 0.01, -0.01, 2.08, -0.69, -2.56, 60, -60, 99.99, -200};
	struct sim_image img;
	struct sim_battery b;
	struct sim_override o;
	struct sim_random r;
	struct jk_sample s;
	uint8_t frame[SIM_FRAME_MAX];

	(void)state;
	sim_random_init(&r, seed);
	random_battery(&b, CELLS_FROM, &r);
	sim_image_default(&img, CELLS_FROM, CAPACITY_AH);
	sim_override_clear(&o);
	for (int version = 0; version <= 1; version++) {
		o.version = version;
		for (size_t i = 0; i < ARRAY_SIZE(amps); i++) {
			b.current_a = amps[i];
			sim_image_patch(&img, &b, &o);
			const size_t len = sim_image_encode(&img, frame);

			assert_int_equal(jk_decode(frame, len, &s), JK_OK);
			assert_int_equal(s.version, version);
			assert_int_equal(s.current_ma, lround(amps[i] * 1000.0));
		}
	}
	o.version = 2;
	sim_image_patch(&img, &b, &o);
	assert_int_equal(jk_decode(frame, sim_image_encode(&img, frame), &s), JK_BAD_VERSION);
}

static void test_settings_decode_to_what_the_model_uses(void **state)
{
	struct sim_image img;
	struct sim_protect p;
	struct jk_sample s;
	uint8_t frame[SIM_FRAME_MAX];

	(void)state;
	sim_image_default(&img, 16, CAPACITY_AH);
	assert_int_equal(jk_decode(frame, sim_image_encode(&img, frame), &s), JK_OK);
	sim_image_protect(&img, &p);
	assert_int_equal(s.cell_ovp_mv, lround(p.cell_ovp_v * 1000));
	assert_int_equal(s.cell_ovpr_mv, lround(p.cell_ovpr_v * 1000));
	assert_int_equal(s.cell_uvp_mv, lround(p.cell_uvp_v * 1000));
	assert_int_equal(s.cell_uvpr_mv, lround(p.cell_uvpr_v * 1000));
	assert_int_equal(s.charge_ocp_a, lround(p.charge_ocp_a));
	assert_int_equal(s.discharge_ocp_a, lround(p.discharge_ocp_a));
	assert_int_equal(s.charge_utp_c, lround(p.charge_utp_c));
	assert_int_equal(s.charge_utpr_c, lround(p.charge_utpr_c));
	assert_int_equal(s.discharge_utp_c, lround(p.discharge_utp_c));
	assert_int_equal(s.discharge_utpr_c, lround(p.discharge_utpr_c));
	assert_int_equal(s.mos_otp_c, lround(p.mos_otp_c));
	assert_int_equal(s.balance_start_mv, lround(p.balance_start_v * 1000));
	assert_string_equal(s.device_id, "Sim_Pack");
	assert_string_equal(s.manufacturer, "Sim_Pack_BMS");
}

static void test_overrides_win_over_the_model(void **state)
{
	struct sim_image img;
	struct sim_battery b;
	struct sim_override o;
	struct sim_random r;
	struct jk_sample s;
	uint8_t frame[SIM_FRAME_MAX];

	(void)state;
	sim_random_init(&r, seed);
	random_battery(&b, 16, &r);
	b.alarms = 0x0001;
	sim_image_default(&img, 16, CAPACITY_AH);
	sim_override_clear(&o);
	o.cells = 15;
	o.probe_raw[1] = 255;
	o.soc_raw = 0;
	o.cycles = 0;
	o.alarms = 0x0008;
	sim_image_patch(&img, &b, &o);
	assert_int_equal(jk_decode(frame, sim_image_encode(&img, frame), &s), JK_OK);
	assert_int_equal(s.cells, 15);
	assert_int_equal(s.box_temp_raw, 255);
	assert_int_equal(s.soc_pct, 0);
	assert_int_equal(s.cycles, 0);
	assert_int_equal(s.alarms, 0x0009);
}

static size_t load(const char *spec, uint8_t *frame)
{
	char err[CAPTURE_ERROR_MAX];
	size_t len = 0;

	if (capture_load(spec, frame, &len, err) != 0) {
		fail_msg("%s", err);
	}
	return len;
}

/* Real replies of 8 to 16 cells, with and without the newer registers. */
static const char *const captures[] = {
	CAPTURE_DEFAULT,
	VECTORS "A-jk-4e57.json:syssi_14S_charge_2A08",
	VECTORS "A-jk-4e57.json:syssi_13S_B2A24S15P_idle",
	VECTORS "A-jk-4e57.json:syssi_16S_BD6A17S6P_discharge_0A69",
	VECTORS "A-jk-4e57.json:jk_official_20S_proto0_sumfixed",
	VECTORS "A-jk-4e57.json:airepublic_8S",
	VECTORS "A-jk-4e57.json:opendtu_16S_charge_10A12",
	VECTORS "A-jk-4e57-synthetic.json:syn_24S",
	VECTORS "A-jk-4e57-synthetic.json:syn_32S",
	VECTORS "jk_uart_14s_doc_example_chg2.08A.hex",
};

static void test_captures_come_out_as_they_went_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		uint8_t in[CAPTURE_FRAME_MAX];
		uint8_t out[SIM_FRAME_MAX];
		struct sim_image img;
		const size_t len = load(captures[i], in);

		assert_int_equal(sim_image_parse(&img, in, len), 0);
		assert_int_equal(sim_image_encode(&img, out), len);
		assert_memory_equal(in, out, len);
	}
}

/* At rest the model must not change a byte: the daemon starts from the real capture. */
static void test_a_model_made_from_a_capture_reports_the_capture(void **state)
{
	uint8_t in[CAPTURE_FRAME_MAX];
	uint8_t from_file[CAPTURE_FRAME_MAX];
	uint8_t out[SIM_FRAME_MAX];
	struct sim_image img;
	struct sim_battery b;
	struct sim_override o;
	const size_t len = load(CAPTURE_DEFAULT, in);

	(void)state;
	assert_int_equal(load(VECTORS "A-jk-4e57.json:" CAPTURE_DEFAULT, from_file), len);
	assert_memory_equal(in, from_file, len);
	assert_int_equal(sim_image_parse(&img, in, len), 0);
	assert_int_equal(sim_image_battery(&img, -1, &b), 0);
	sim_override_clear(&o);
	sim_battery_step(&b, 1, 0);
	sim_image_patch(&img, &b, &o);
	assert_int_equal(sim_image_encode(&img, out), len);
	assert_memory_equal(in, out, len);
}

static void test_broken_captures_are_refused(void **state)
{
	uint8_t in[CAPTURE_FRAME_MAX];
	struct sim_image img;
	const size_t len = load(CAPTURE_DEFAULT, in);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(sim_image_parse(&img, in, cut), -EBADMSG);
	}
	for (size_t i = 0; i < len; i++) {
		in[i] ^= 0x10U;
		assert_int_equal(sim_image_parse(&img, in, len), -EBADMSG);
		in[i] ^= 0x10U;
	}
}

static void test_hex_text(void **state)
{
	static const struct {
		const char *text;
		int rc;
		size_t len;
	} rows[] = {
		{"4e57", 0, 2},	      {"4E 57\n01 21", 0, 4},
		{"0x4e, 0x57", 0, 2}, {"# a comment 12\n4e:57\n# more\n", 0, 2},
		{"4E.57.01", 0, 3},   {"4E-57-01-21", 0, 4},
		{"", 0, 0},	      {"4e5", -EINVAL, 0},
		{"4g", -EINVAL, 0},   {"00112233445566778899", -ENOSPC, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t buf[8];
		size_t len = 99;

		assert_int_equal(capture_parse_hex(rows[i].text, strlen(rows[i].text), buf,
						   sizeof(buf), &len),
				 rows[i].rc);
		if (rows[i].rc == 0) {
			assert_int_equal(len, rows[i].len);
		}
	}
	assert_true(capture_is_hex("4e 57", 5));
	assert_true(capture_is_hex("4E.57-01", 8));
	assert_false(capture_is_hex("4E\00057", 5));
	assert_false(capture_is_hex("NW", 2));
	assert_false(capture_is_hex("", 0));
}

static void test_missing_captures_are_named(void **state)
{
	static const char *const specs[] = {
		"/nonexistent.json:x",
		VECTORS "A-jk-4e57.json:no_such_entry",
		VECTORS "README.md",
	};
	uint8_t frame[CAPTURE_FRAME_MAX];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char err[CAPTURE_ERROR_MAX] = "";

		assert_true(capture_load(specs[i], frame, &len, err) < 0);
		assert_true(strlen(err) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoded_frames_decode_to_the_same_values_8_to_24_cells),
		cmocka_unit_test(test_both_encodings_of_the_current),
		cmocka_unit_test(test_settings_decode_to_what_the_model_uses),
		cmocka_unit_test(test_overrides_win_over_the_model),
		cmocka_unit_test(test_captures_come_out_as_they_went_in),
		cmocka_unit_test(test_a_model_made_from_a_capture_reports_the_capture),
		cmocka_unit_test(test_broken_captures_are_refused),
		cmocka_unit_test(test_hex_text),
		cmocka_unit_test(test_missing_captures_are_named),
	};

	seed = seed_get("tools_sim_image_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
