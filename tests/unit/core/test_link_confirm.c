/* SPDX-License-Identifier: Apache-2.0 */
/* The bus when nobody confirms: writing stops, probes, fresh frames after the return. */
#include "core_test.h"

static struct bench b;
static struct bench from;
static struct recorder rec;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	bench_fork(&b, &from);
	return 0;
}

static int32_t word(const struct can_msg *m, uint32_t at)
{
	return (int16_t)(uint16_t)(m->data[at] | m->data[at + 1] << 8);
}

/* The cable goes at any phase of the set: writing stops, and what is written later are probes. */
static void test_FLT_21_SAF_17_unplugged_at_any_phase(void **state)
{
	(void)state;
	for (int phase = 0; phase < 200; phase++) {
		bench_fork(&b, &from);
		bench_run_ms(&b, phase * PERIOD_MS);
		b.bus_dead = true;
		b.echo_len = 0;
		const int64_t t0_ns = b.now_ns;
		const uint32_t events = b.events[EVENT_CAN_UNCONFIRMED];
		bool flushed = false;

		record_on(&b, &rec);
		while (b.now_ns - t0_ns < 2200 * NS_PER_MS) {
			bench_step(&b);
			flushed = flushed || b.out.can_flush;
		}
		assert_true(rec.len > 0);
		assert_true(rec.at[rec.len - 1].t_ns - t0_ns <= 2100 * NS_PER_MS);
		assert_int_equal(b.events[EVENT_CAN_UNCONFIRMED], events + 1);
		assert_int_equal(bench_tele(&b)->can_confirmed, 0);
		assert_true(flushed);
	}
}

/* While nobody listens: one set every 2 s, flushed before, saying 0 A. */
static void test_SAF_17_probes_every_two_seconds_say_zero(void **state)
{
	uint32_t sets = 0;
	int64_t last_ns = 0;

	(void)state;
	b.bus_dead = true;
	b.config.trip_ms = 3600 * 1000;
	bench_run_ms(&b, 2500);
	record_on(&b, &rec);
	for (int i = 0; i < 20000; i += PERIOD_MS) {
		bench_step(&b);
	}
	for (uint32_t i = 0; i < rec.len; i++) {
		const struct can_msg *m = &rec.at[i].msg;

		if (m->id == PYLON_ID_ALARMS) {
			assert_true(last_ns == 0 || rec.at[i].t_ns - last_ns == 2 * NS_PER_S);
			last_ns = rec.at[i].t_ns;
			sets++;
		} else if (m->id == PYLON_ID_LIMITS) {
			assert_int_equal(word(m, 2), 0);
			assert_int_equal(word(m, 4), 0);
		} else if (m->id == PYLON_ID_REQUEST) {
			assert_int_equal(m->data[0], 0);
		}
	}
	assert_int_equal(sets, 10);
	assert_int_equal(rec.len, 60);
}

/* The queue is emptied in the period in which a set stays unconfirmed, before anything is written. */
static void test_SAF_17_flush_comes_with_every_lost_set(void **state)
{
	uint32_t flushes = 0;

	(void)state;
	b.bus_dead = true;
	b.config.trip_ms = 3600 * 1000;
	bench_run_ms(&b, 2500);
	for (int i = 0; i < 20000; i += PERIOD_MS) {
		bench_step(&b);
		flushes += b.out.can_flush ? 1 : 0;
		assert_true(!b.out.can_flush || b.out.can_tx_len == 0);
	}
	assert_int_equal(flushes, 10);
}

static void test_FLT_22_first_frame_after_return_is_fresh(void **state)
{
	(void)state;
	for (int phase = 0; phase < 20; phase++) {
		bench_fork(&b, &from);
		b.bus_dead = true;
		bench_run_ms(&b, 4000 + phase * 100);
		/* the battery got full meanwhile: no stale 60 A may be said */
		b.battery.cell_mv[0] = 3500;
		run_samples(&b, 1);
		b.battery.cell_mv[0] = 3560;
		bench_run_ms(&b, 2000);
		b.bus_dead = false;
		record_on(&b, &rec);
		bench_run_ms(&b, 5000);
		assert_true(rec.len > 0);
		for (uint32_t i = 0; i < rec.len; i++) {
			const struct can_msg *m = &rec.at[i].msg;

			if (m->id == PYLON_ID_LIMITS) {
				assert_int_equal(word(m, 2), 0);
			} else if (m->id == PYLON_ID_REQUEST) {
				assert_int_equal(m->data[0] & ENABLE_CHARGE_BIT, 0);
			}
		}
		assert_int_equal(b.events[EVENT_CAN_CONFIRMED], 1);
		assert_int_equal(bench_tele(&b)->can_confirmed, 1);
		assert_int_equal(bench_dcl_ma(&b), 60000);
	}
}

/* The interface is down: the control law goes on, the relay opens at the latest 12 s later. */
static void test_FLT_18_interface_down(void **state)
{
	(void)state;
	for (int phase = 0; phase < 200; phase += 9) {
		bench_fork(&b, &from);
		bench_run_ms(&b, phase * PERIOD_MS);
		b.bus_dead = true;
		b.echo_len = 0;
		b.can_link = CAN_LINK_DOWN;
		const uint32_t samples = bench_tele(&b)->count_samples;
		const int64_t ms = ms_until(&b, permit_gone, 20000);

		assert_between(ms, 10000, 12000);
		assert_int_equal(b.out.permit_reason, REASON_CAN_LOST);
		assert_int_equal(b.events[EVENT_CAN_LINK], 1);
		assert_int_equal(bench_tele(&b)->can_link, CAN_LINK_DOWN);
		assert_true(bench_tele(&b)->count_samples > samples + 30);
		/* back */
		b.bus_dead = false;
		b.can_link = CAN_LINK_UP;
		assert_between(ms_until(&b, permitted, 40000), 29000, 31000);
	}
}

static void test_short_outage_of_the_bus_opens_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		b.bus_dead = true;
		bench_run_ms(&b, 9000);
		assert_true(b.out.permit);
		b.bus_dead = false;
		bench_run_ms(&b, 5000);
		assert_true(b.out.permit);
		assert_int_equal(bench_tele(&b)->can_confirmed, 1);
	}
}

/* One confirmation lost now and then is no loss of the bus. */
static void test_single_unconfirmed_set_changes_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		b.bus_dead = true;
		bench_run_ms(&b, 1000);
		b.bus_dead = false;
		bench_run_ms(&b, 1000);
		assert_int_equal(b.events[EVENT_CAN_UNCONFIRMED], 0);
	}
}

static void receive(uint16_t id, enum can_origin origin)
{
	/* the bench hands its echo list over as it is */
	b.echo[b.echo_len++] = (struct can_rx){
		.msg = {.id = id, .len = 8},
		.origin = (uint8_t)origin,
	};
	bench_step(&b);
}

static void test_FLT_25_duplicate_battery(void **state)
{
	static const uint16_t ours[] = {0x351, 0x355, 0x356, 0x359, 0x35C, 0x35E};
	static const uint16_t others[] = {0x000, 0x100, 0x305, 0x350, 0x360, 0x7FF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		receive(ours[i], CAN_FROM_BUS);
		assert_int_equal(b.events[EVENT_CAN_DUPLICATE], i + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		receive(others[i], CAN_FROM_BUS);
	}
	bench_run_ms(&b, 5000); /* our own frames, confirmed, are none */
	assert_int_equal(b.events[EVENT_CAN_DUPLICATE], ARRAY_SIZE(ours));
	b.config.send_305 = true;
	receive(0x305, CAN_FROM_BUS); /* still the inverter's answer */
	assert_int_equal(b.events[EVENT_CAN_DUPLICATE], ARRAY_SIZE(ours));
}

/* A foreign battery's frames are no confirmation of ours. */
static void test_FLT_25_foreign_frames_confirm_nothing(void **state)
{
	(void)state;
	b.bus_dead = true;
	for (int i = 0; i < 3000; i += PERIOD_MS) {
		receive(0x351, CAN_FROM_BUS);
	}
	assert_int_equal(b.events[EVENT_CAN_UNCONFIRMED], 1);
	receive(0x123, CAN_OWN); /* not one of ours either */
	assert_int_equal(bench_tele(&b)->can_confirmed, 0);
}

/* Orderly stop: every frame of one whole set says 0 A and is confirmed. */
static void test_stop_sends_a_confirmed_set_of_zero(void **state)
{
	(void)state;
	for (int phase = 0; phase < 200; phase += 11) {
		bench_fork(&b, &from);
		bench_run_ms(&b, phase * PERIOD_MS);
		b.stop = true;
		record_on(&b, &rec);
		int64_t ms = 0;

		while (!b.out.stopped && ms < 3000) {
			bench_step(&b);
			ms += PERIOD_MS;
		}
		assert_between(ms, 50, 200);
		assert_true(zero_on_bus(&b));
		assert_int_equal(bench_enables(&b), 0);
		for (uint32_t i = 0; i < rec.len; i++) {
			assert_true(rec.at[i].msg.id != PYLON_ID_LIMITS ||
				    (word(&rec.at[i].msg, 2) == 0 && word(&rec.at[i].msg, 4) == 0));
		}
		assert_true(rec.len >= 6);
		assert_int_equal(b.events[EVENT_STOPPING], 1);
	}
}

/* SAF-20: the relay opens when this is over, so it waits for the current, 2 s at most. */
static void test_SAF_20_stop_waits_until_the_current_has_fallen(void **state)
{
	static const struct {
		uint32_t relay;
		bool reload;
		bool guard_dead;
		int32_t pack_ma;
		int64_t least_ms;
		int64_t most_ms;
	} rows[] = {
		{RELAY_CLOSED, false, false, -20000, 2000, 2010},
		{RELAY_CLOSED, false, false, 20000, 2000, 2010},
		{RELAY_CLOSED, false, false, -2000, 50, 200},
		{RELAY_OPEN, false, false, -20000, 50, 200},
		{RELAY_NOT_FITTED, false, false, -20000, 50, 200},
		{RELAY_CLOSED, true, false, -20000, 50, 200}, /* it stays closed */
		{RELAY_CLOSED, false, true, -20000, 50, 200}, /* it is open already */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 0;

		bench_fork(&b, &from);
		b.relay = rows[i].relay;
		b.battery.pack_ma = rows[i].pack_ma;
		bench_run_ms(&b, 1000);
		b.guard_dead = rows[i].guard_dead;
		b.reload = rows[i].reload;
		b.stop = true;
		while (!b.out.stopped && ms < 5000) {
			bench_step(&b);
			ms += PERIOD_MS;
		}
		assert_between(ms, rows[i].least_ms, rows[i].most_ms);
		assert_true(zero_on_bus(&b));
	}
	/* and goes as soon as it has fallen */
	bench_fork(&b, &from);
	b.relay = RELAY_CLOSED;
	b.battery.pack_ma = -20000;
	bench_run_ms(&b, 1000);
	b.stop = true;
	bench_run_ms(&b, 1000);
	assert_false(b.out.stopped);
	b.battery.pack_ma = 0;
	bench_run_ms(&b, 500);
	assert_true(b.out.stopped);
}

static void test_stop_ends_without_a_listener_too(void **state)
{
	int64_t ms = 0;

	(void)state;
	b.bus_dead = true;
	b.stop = true;
	while (!b.out.stopped && ms < 3000) {
		bench_step(&b);
		ms += PERIOD_MS;
	}
	assert_between(ms, 1000, 1010);
	/* before anything was ever sent: at once, and nothing is sent */
	bench_init(&b);
	b.silent = true;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 1000);
	b.stop = true;
	bench_step(&b);
	bench_step(&b);
	assert_true(b.out.stopped);
	assert_int_equal(b.frames, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_FLT_21_SAF_17_unplugged_at_any_phase, setup),
		cmocka_unit_test_setup(test_SAF_17_probes_every_two_seconds_say_zero, setup),
		cmocka_unit_test_setup(test_SAF_17_flush_comes_with_every_lost_set, setup),
		cmocka_unit_test_setup(test_FLT_22_first_frame_after_return_is_fresh, setup),
		cmocka_unit_test_setup(test_FLT_18_interface_down, setup),
		cmocka_unit_test_setup(test_short_outage_of_the_bus_opens_nothing, setup),
		cmocka_unit_test_setup(test_single_unconfirmed_set_changes_nothing, setup),
		cmocka_unit_test_setup(test_FLT_25_duplicate_battery, setup),
		cmocka_unit_test_setup(test_FLT_25_foreign_frames_confirm_nothing, setup),
		cmocka_unit_test_setup(test_stop_sends_a_confirmed_set_of_zero, setup),
		cmocka_unit_test_setup(test_SAF_20_stop_waits_until_the_current_has_fallen, setup),
		cmocka_unit_test_setup(test_stop_ends_without_a_listener_too, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
