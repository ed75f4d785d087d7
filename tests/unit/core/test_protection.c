/* SPDX-License-Identifier: Apache-2.0 */
/* The BMS's own protection values: which ones limit, for how long, and what is said about them. */
#include "core_test.h"

static struct bench b;

static int setup(void **state)
{
	(void)state;
	bench_init(&b);
	return 0;
}

/* Values of the pack that bind nothing: a row is about one register. */
static void fresh(void)
{
	bench_init(&b);
	b.battery.pack_ovp_mv = 16 * 4000;
	b.battery.pack_uvp_mv = 16 * 1500;
	/* nothing else may take the place of a protection value */
	b.config.max_explicit[DIR_CHARGE] = true;
	b.config.max_explicit[DIR_DISCHARGE] = true;
}

static uint64_t omit_of(enum jk_reg reg)
{
	return JK_HAVE(reg);
}

/* One protection value binds in each row: register, how to make it absurd, what it allows. */
struct row {
	enum jk_reg reg;
	void (*tighten)(struct bench_battery *bat);
	void (*absurd)(struct bench_battery *bat);
	int32_t charge_ma;
	int32_t discharge_ma;
};

static void tight_ovp(struct bench_battery *bat)
{
	bat->cell_ovp_mv = 3320;
}

static void absurd_ovp(struct bench_battery *bat)
{
	bat->cell_ovp_mv = 65535;
}

static void tight_uvp(struct bench_battery *bat)
{
	bat->cell_uvp_mv = 3280;
}

static void absurd_uvp(struct bench_battery *bat)
{
	bat->cell_uvp_mv = 0;
}

static void tight_charge_ocp(struct bench_battery *bat)
{
	bat->charge_ocp_a = 20;
}

static void absurd_charge_ocp(struct bench_battery *bat)
{
	bat->charge_ocp_a = 0;
}

static void tight_discharge_ocp(struct bench_battery *bat)
{
	bat->discharge_ocp_a = 20;
}

static void absurd_discharge_ocp(struct bench_battery *bat)
{
	bat->discharge_ocp_a = 5000;
}

static void tight_capacity(struct bench_battery *bat)
{
	bat->capacity_ah = 30;
}

static void absurd_capacity(struct bench_battery *bat)
{
	bat->capacity_ah = 100000;
}

static void tight_charge_otp(struct bench_battery *bat)
{
	bat->charge_otp_c = 20;
}

static void absurd_charge_otp(struct bench_battery *bat)
{
	bat->charge_otp_c = 0;
}

static void tight_discharge_otp(struct bench_battery *bat)
{
	bat->discharge_otp_c = 20;
}

static void absurd_discharge_otp(struct bench_battery *bat)
{
	bat->discharge_otp_c = 200;
}

static void tight_charge_utp(struct bench_battery *bat)
{
	bat->charge_utp_c = 20;
}

static void absurd_charge_utp(struct bench_battery *bat)
{
	bat->charge_utp_c = -100;
}

static void tight_discharge_utp(struct bench_battery *bat)
{
	bat->discharge_utp_c = 20;
}

static void absurd_discharge_utp(struct bench_battery *bat)
{
	bat->discharge_utp_c = 100;
}

static void tight_mos_otp(struct bench_battery *bat)
{
	bat->mos_otp_c = 40;
	bat->mos_raw = 40;
}

static void absurd_mos_otp(struct bench_battery *bat)
{
	bat->mos_otp_c = 39;
}

static void tight_pack_ovp(struct bench_battery *bat)
{
	bat->pack_ovp_mv = 16 * 3320;
}

static void absurd_pack_ovp(struct bench_battery *bat)
{
	bat->pack_ovp_mv = 16 * 4510;
}

static void tight_pack_uvp(struct bench_battery *bat)
{
	bat->pack_uvp_mv = 16 * 3280;
}

static void absurd_pack_uvp(struct bench_battery *bat)
{
	bat->pack_uvp_mv = 0;
}

static void tight_box_otp(struct bench_battery *bat)
{
	bat->box_otp_c = 20;
}

static void absurd_box_otp(struct bench_battery *bat)
{
	bat->box_otp_c = 500;
}

static const struct row rows[] = {
	{JK_REG_PACK_OVP, tight_pack_ovp, absurd_pack_ovp, 0, 60000},
	{JK_REG_PACK_UVP, tight_pack_uvp, absurd_pack_uvp, 60000, 0},
	{JK_REG_BOX_OTP, tight_box_otp, absurd_box_otp, 0, 0},
	{JK_REG_CELL_OVP, tight_ovp, absurd_ovp, 0, 60000},
	{JK_REG_CELL_UVP, tight_uvp, absurd_uvp, 60000, 0},
	{JK_REG_CHARGE_OCP, tight_charge_ocp, absurd_charge_ocp, 18000, 60000},
	{JK_REG_DISCHARGE_OCP, tight_discharge_ocp, absurd_discharge_ocp, 60000, 18000},
	{JK_REG_CAPACITY, tight_capacity, absurd_capacity, 15000, 15000},
	{JK_REG_CHARGE_OTP, tight_charge_otp, absurd_charge_otp, 0, 60000},
	{JK_REG_DISCHARGE_OTP, tight_discharge_otp, absurd_discharge_otp, 60000, 0},
	{JK_REG_CHARGE_UTP, tight_charge_utp, absurd_charge_utp, 0, 60000},
	{JK_REG_DISCHARGE_UTP, tight_discharge_utp, absurd_discharge_utp, 60000, 0},
	{JK_REG_MOS_OTP, tight_mos_otp, absurd_mos_otp, 0, 0},
};

static void expect_limits(const struct row *row, int32_t charge_ma, int32_t discharge_ma)
{
	const struct telemetry *t = bench_tele(&b);

	if (t->limit_ma[DIR_CHARGE] != charge_ma || t->limit_ma[DIR_DISCHARGE] != discharge_ma) {
		print_error("row %td: %d %d mA\n", row - rows, t->limit_ma[DIR_CHARGE],
			    t->limit_ma[DIR_DISCHARGE]);
	}
	assert_int_equal(t->limit_ma[DIR_CHARGE], charge_ma);
	assert_int_equal(t->limit_ma[DIR_DISCHARGE], discharge_ma);
}

/* Seen once, it limits for as long as the process runs, whatever the BMS leaves out later. */
static void test_SAF_15_a_value_that_vanishes_goes_on_limiting(void **state)
{
	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		for (int how = 0; how < 3; how++) {
			fresh();
			row->tighten(&b.battery);
			start_fast(&b);
			drain_reply(&b);
			expect_limits(row, row->charge_ma, row->discharge_ma);
			if (how == 1) {
				b.battery.omit = omit_of(row->reg);
			} else if (how == 2) {
				row->absurd(&b.battery);
			}
			run_samples(&b, 1);
			expect_limits(row, row->charge_ma, row->discharge_ma);
			bench_run_ms(&b, 60000);
			expect_limits(row, row->charge_ma, row->discharge_ma);
			/* an other value that can be believed is the BMS's own word: it counts */
			const uint16_t mos_raw = b.battery.mos_raw;

			bench_battery_default(&b.battery);
			b.battery.mos_raw = mos_raw;
			bench_run_ms(&b, 60000);
			expect_limits(row, 60000, 60000);
		}
	}
}

/* A value that comes later than the first sample limits from then on. */
static void test_SAF_15_a_value_that_comes_late_limits_at_once(void **state)
{
	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		fresh();
		row->tighten(&b.battery);
		b.battery.omit = omit_of(row->reg);
		start_fast(&b);
		drain_reply(&b);
		expect_limits(row, 60000, 60000);
		b.battery.omit = 0;
		run_samples(&b, 1);
		expect_limits(row, row->charge_ma, row->discharge_ma);
		b.battery.omit = omit_of(row->reg);
		bench_run_ms(&b, 60000);
		expect_limits(row, row->charge_ma, row->discharge_ma);
	}
}

/* The CVL stays inside the over-voltage protection, whatever happens to its register. */
static void test_SAF_09_SAF_15_cvl_stays_inside_a_vanished_ovp(void **state)
{
	(void)state;
	b.battery.cell_ovp_mv = 3400;
	bench_battery_all(&b.battery, 3370);
	start_fast(&b);
	drain_reply(&b);
	assert_int_equal(bench_tele(&b)->cvl_mv, 3380 * 16);
	bench_battery_all(&b.battery, 3385);
	b.battery.omit = omit_of(JK_REG_CELL_OVP);
	for (int i = 0; i < 20; i++) {
		run_samples(&b, 1);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 0);
		assert_int_equal(bench_tele(&b)->cvl_mv, 3380 * 16);
	}
}

/* Two samples in a row must agree before the CVL rises with the OVP; one lowers it. */
static void test_SAF_16_the_ovp_of_one_sample_does_not_raise_the_cvl(void **state)
{
	static const struct {
		uint16_t ovp_mv[4];
		int32_t cell_mv[4];
	} table[] = {
		{{3400, 3450, 3450, 3450}, {3380, 3380, 3430, 3430}},
		{{3400, 3450, 3400, 3450}, {3380, 3380, 3380, 3380}},
		{{3400, 3460, 3450, 3450}, {3380, 3380, 3430, 3430}},
		{{3450, 3400, 3390, 3450}, {3430, 3380, 3370, 3370}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		setup(NULL);
		b.battery.cell_ovp_mv = table[i].ovp_mv[0];
		start_fast(&b);
		drain_reply(&b);
		for (size_t k = 0; k < ARRAY_SIZE(table[i].ovp_mv); k++) {
			b.battery.cell_ovp_mv = table[i].ovp_mv[k];
			run_samples(&b, 1);
			if (bench_tele(&b)->cvl_mv != table[i].cell_mv[k] * 16) {
				print_error("row %zu, sample %zu\n", i, k);
			}
			assert_int_equal(bench_tele(&b)->cvl_mv, table[i].cell_mv[k] * 16);
		}
	}
}

static struct event said[256];
static uint32_t said_len;

static void listen(struct bench *x, void *arg)
{
	(void)arg;
	for (uint8_t i = 0; i < x->out.event_len && said_len < ARRAY_SIZE(said); i++) {
		said[said_len++] = x->out.event[i];
	}
}

static uint32_t count_said(uint32_t id, int32_t arg, int32_t value, const struct event **ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < said_len; i++) {
		if (said[i].id == id && said[i].arg[arg] == value) {
			*ret = &said[i];
			n++;
		}
	}
	return n;
}

/* A warning names both values and the register, whenever it happens, and does not repeat itself. */
static void test_SAF_15_a_warning_names_both(void **state)
{
	static const struct {
		uint8_t tag;
		int32_t theirs; /* as tight_*() sets it */
		int32_t ours;
		int32_t odd; /* as absurd_*() sets it */
	} told[ARRAY_SIZE(rows)] = {
		{0x8E, 3320, 3550, 4510},   {0x8F, 3280, 2900, 0}, {0xA0, 200, 600, 500},
		{0x90, 3320, 3550, 65535},  {0x93, 3280, 2900, 0}, {0x99, 20000, 60000, 0},
		{0x97, 20000, 60000, 5000}, {0xAA, 0, 0, 20001},   {0xA3, 200, 550, 0},
		{0xA4, 200, 600, 200},	    {0xA5, 200, 0, -100},  {0xA7, 200, -200, 100},
		{0x9E, 400, 900, 39},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct event *e = &said[0];

		fresh();
		said_len = 0;
		b.watch = listen;
		start_fast(&b);
		drain_reply(&b);
		assert_int_equal(b.events[EVENT_BMS_TIGHTER], 0);
		assert_int_equal(b.events[EVENT_BMS_SETTING_ODD], 0);
		rows[i].tighten(&b.battery); /* long after the first sample */
		bench_run_ms(&b, 5000);
		const uint32_t n = count_said(EVENT_BMS_TIGHTER, 3, told[i].tag, &e);

		if (rows[i].reg == JK_REG_CAPACITY) {
			assert_int_equal(n, 0); /* no protection, a quantity */
		} else {
			assert_int_equal(n, 1);
			assert_int_equal(e->arg[0], told[i].theirs);
			assert_int_equal(e->arg[1], told[i].ours);
		}
		assert_int_equal(b.events[EVENT_BMS_TIGHTER], n);
		rows[i].absurd(&b.battery);
		bench_run_ms(&b, 5000);
		b.battery.omit = omit_of(rows[i].reg);
		bench_run_ms(&b, 5000);
		assert_int_equal(count_said(EVENT_BMS_SETTING_ODD, 0, told[i].tag, &e), 1);
		assert_int_equal(e->arg[1], told[i].odd);
		assert_int_equal(b.events[EVENT_BMS_SETTING_ODD], 1);
		assert_int_equal(b.events[EVENT_BMS_TIGHTER], n);
	}
}

/* All of them at once are named, and a value that dances is told once a minute. */
static void test_SAF_15_every_odd_register_is_named(void **state)
{
	(void)state;
	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		b.battery.omit |= omit_of(rows[i].reg);
	}
	start_fast(&b);
	assert_int_equal(b.events[EVENT_BMS_SETTING_ODD], ARRAY_SIZE(rows));
	setup(NULL);
	start_fast(&b);
	for (int k = 0; k < 400; k++) {
		b.battery.charge_ocp_a = (uint16_t)(20 + k % 2);
		run_samples(&b, 1); /* four a second */
	}
	assert_between(b.events[EVENT_BMS_TIGHTER], 2, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_15_a_value_that_vanishes_goes_on_limiting, setup),
		cmocka_unit_test_setup(test_SAF_15_a_value_that_comes_late_limits_at_once, setup),
		cmocka_unit_test_setup(test_SAF_15_a_warning_names_both, setup),
		cmocka_unit_test_setup(test_SAF_15_every_odd_register_is_named, setup),
		cmocka_unit_test_setup(test_SAF_09_SAF_15_cvl_stays_inside_a_vanished_ovp, setup),
		cmocka_unit_test_setup(test_SAF_16_the_ovp_of_one_sample_does_not_raise_the_cvl,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
