/* SPDX-License-Identifier: Apache-2.0 */
/* The reading of a GoodWe inverter, against one on the loopback that can do anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "goodwe_peer.h"
#include "svc/goodwe.h"

#define WAIT_MS	  15000
#define ANSWER_MS 20
#define POLL_MS	  5
#define PAUSE_MS  5
#define STALE_MS  60000
#define SETTLE_MS 30

static struct goodwe goodwe;
static uint32_t events[EVENTS];
static int32_t event_arg[EVENTS];
static struct goodwe_status seen;
static struct peer_sample sample;
static sem_t hanging;
static _Atomic uint32_t hung;

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
		       struct addrinfo **pai);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
		       struct addrinfo **pai);

/* Names of the tests, and one that hangs until it is released. */
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
		       struct addrinfo **pai)
{
	if ((req->ai_flags & AI_NUMERICHOST) != 0) {
		return __real_getaddrinfo(name, service, req, pai);
	}
	if (strcmp(name, "hang.test") == 0) {
		hung++;
		(void)sem_wait(&hanging);
		hung--;
		return EAI_AGAIN;
	}
	return strcmp(name, "peer.test") == 0 ? __real_getaddrinfo("127.0.0.1", service, req, pai)
					      : EAI_NONAME;
}

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void nap(int32_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};

	nanosleep(&t, NULL);
}

static void look(void)
{
	struct event e;
	struct goodwe_status status;
	struct peer_sample s;

	while (ring_pop(&goodwe.service.events, &e)) {
		events[e.id]++;
		event_arg[e.id] = e.arg[0];
	}
	if (snapshot_try_read(&goodwe.status.head, &status, sizeof(status))) {
		seen = status;
	}
	if (snapshot_try_read(&goodwe.sample.head, &s, sizeof(s))) {
		sample = s;
		/* Whatever comes too late or from elsewhere is never believed. */
		assert_int_not_equal(sample.soc_pct, PEER_LATE_SOC);
	}
}

#define WAIT_UNTIL(condition)                                                        \
	do {                                                                         \
		const int64_t end_ns = clock_now() + WAIT_MS * NS_PER_MS;            \
		for (look(); !(condition); look()) {                                 \
			if (clock_now() > end_ns) {                                  \
				fail_msg("%d: waited for %s", __LINE__, #condition); \
			}                                                            \
			nap(1);                                                      \
		}                                                                    \
	} while (0)

static struct goodwe_config config(void)
{
	return (struct goodwe_config){
		.host = "127.0.0.1",
		.port = peer.port,
		.family = GOODWE_FAMILY_AUTO,
		.poll_ms = POLL_MS,
		.stale_ms = STALE_MS,
		.answer_ms = ANSWER_MS,
		.pause_max_ms = PAUSE_MS,
	};
}

static void begin(const struct goodwe_config *c)
{
	memset(&goodwe, 0, sizeof(goodwe));
	memset(&seen, 0, sizeof(seen));
	memset(&sample, 0, sizeof(sample));
	memset(events, 0, sizeof(events));
	peer.late_ms = ANSWER_MS + ANSWER_MS / 2;
	assert_int_equal(goodwe_start(&goodwe, c), 0);
}

static void begin_with(enum peer_kind kind)
{
	peer_start(kind);
	const struct goodwe_config c = config();

	begin(&c);
}

static void end(void)
{
	const int64_t start_ns = clock_now();

	assert_int_equal(goodwe_stop(&goodwe), 0);
	assert_true(clock_now() - start_ns < SERVICE_STOP_MAX_MS * NS_PER_MS);
	look();
	assert_int_equal(events[EVENT_GOODWE_TOTAL], 1);
	peer_stop();
	assert_int_equal(peer.writes, 0);
}

static void wait_readings(uint32_t more)
{
	look();
	const uint32_t want = seen.count.readings + more;

	WAIT_UNTIL(seen.count.readings >= want);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n;
}

static void test_reads_by_aa55(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();

	c.answer_ms = 0; /* the usual second: none is lost on a busy machine */
	begin(&c);
	wait_readings(2);
	assert_int_equal(sample.source, PEER_LOCAL);
	assert_int_equal(sample.mode, PEER_DISCHARGING);
	assert_int_equal(sample.voltage_mv, 52000);
	assert_int_equal(sample.current_ma, -10000);
	assert_int_equal(sample.power_w, -520);
	assert_int_equal(sample.soc_pct, 77);
	assert_true(sample.t_ns <= clock_now() && sample.t_ns > clock_now() - NS_PER_S * 10);
	peer.mode = 3;
	peer.current_da = 123;
	WAIT_UNTIL(sample.mode == PEER_CHARGING);
	assert_int_equal(sample.current_ma, 12300);
	assert_int_equal(sample.power_w, 640);
	WAIT_UNTIL(seen.mode == 3);
	assert_int_equal(seen.family, GOODWE_FAMILY_AA55);
	assert_int_equal(seen.grid_power_w, 321);
	assert_string_equal(seen.device.model, "GW3648-EM");
	assert_string_equal(seen.device.serial, "93648EMU00AW0001");
	assert_string_equal(seen.device.firmware, "1010B");
	assert_int_equal(events[EVENT_GOODWE_AA55], 1);
	assert_int_equal(seen.count.silent + seen.count.damaged + seen.count.foreign, 0);
	end();
	assert_int_equal(goodwe.service.now.state, SERVICE_OFF);
}

/* The mode is what the inverter says: the dead band is the core's. */
static void test_sample_of_a_battery(void **state)
{
	static const struct {
		int32_t mode;
		int32_t soc_pct;
		uint32_t want;
	} rows[] = {
		{GOODWE_MODE_NONE, 0, PEER_NO_BATTERY},
		{GOODWE_MODE_NONE, GOODWE_NO_VALUE, PEER_NO_BATTERY},
		{GOODWE_MODE_NONE, 50, PEER_UNKNOWN},
		{GOODWE_MODE_STANDBY, 50, PEER_IDLE},
		{GOODWE_MODE_DISCHARGE, 50, PEER_DISCHARGING},
		{GOODWE_MODE_CHARGE, 50, PEER_CHARGING},
		{GOODWE_MODE_TO_CHARGE, 50, PEER_IDLE},
		{GOODWE_MODE_TO_DISCHARGE, 50, PEER_IDLE},
		{6, 50, PEER_UNKNOWN},
		{UINT16_MAX, 0, PEER_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct goodwe_battery b = {rows[i].mode, 52000, -300, -16, rows[i].soc_pct};
		const struct peer_sample s = goodwe_sample_of(&b, 42);

		assert_int_equal(s.mode, rows[i].want);
		assert_int_equal(s.t_ns, 42);
		assert_int_equal(s.source, PEER_LOCAL);
		assert_int_equal(s.current_ma, -300);
		assert_int_equal(s.soc_pct, rows[i].soc_pct);
	}
}

static void test_finds_out_what_it_speaks(void **state)
{
	static const enum peer_kind kinds[] = {PEER_MODBUS, PEER_ES_G2, PEER_ET};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		begin_with(kinds[i]);
		wait_readings(1);
		WAIT_UNTIL(seen.family == GOODWE_FAMILY_MODBUS);
		assert_int_equal(sample.mode, PEER_DISCHARGING);
		assert_int_equal(sample.current_ma, -10000);
		assert_int_equal(sample.power_w, -520);
		assert_int_equal(sample.soc_pct, 77);
		peer.mode = 3;
		WAIT_UNTIL(sample.mode == PEER_CHARGING);
		assert_int_equal(sample.current_ma, 10000);
		assert_string_equal(seen.device.model, "GW10K-ET");
		assert_string_equal(seen.device.serial, "9010KETU21BW0000");
		assert_int_equal(seen.grid_power_w, 321);
		assert_int_equal(events[EVENT_GOODWE_MODBUS], 1);
		assert_int_equal(events[EVENT_GOODWE_AA55], 0);
		end();
	}
}

static void test_family_that_is_written_down(void **state)
{
	struct goodwe_config c;

	(void)state;
	peer_start(PEER_ES_G2);
	c = config();
	c.family = GOODWE_FAMILY_AA55;
	begin(&c);
	WAIT_UNTIL(events[EVENT_GOODWE_IS_MODBUS] > 0);
	peer.kind = PEER_AA55;
	wait_readings(1);
	end();

	peer_start(PEER_MODBUS);
	c = config();
	c.family = GOODWE_FAMILY_MODBUS;
	begin(&c);
	wait_readings(1);
	peer.fault = FAULT_OTHER;
	WAIT_UNTIL(events[EVENT_GOODWE_IS_AA55] > 0);
	end();

	/* Who tells a name and nothing else is asked by either protocol in turn. */
	begin_with(PEER_NOTHING_BUT_AA55_NAME);
	WAIT_UNTIL(events[EVENT_GOODWE_SILENT] > 1);
	assert_int_equal(seen.count.readings, 0);
	peer.kind = PEER_AA55;
	wait_readings(1);
	end();
}

struct fault_row {
	enum peer_fault fault;
	enum event_id event; /* EVENTS: none */
	size_t count;	     /* of struct goodwe_status: what rises */
	bool reads;	     /* readings go on all the same */
};

#define COUNT(member) offsetof(struct goodwe_status, count.member)

static uint32_t counted(size_t offset)
{
	uint32_t v = 0;

	memcpy(&v, (const uint8_t *)&seen + offset, sizeof(v));
	return v;
}

static void try_fault(const struct fault_row *row)
{
	wait_readings(1);
	const uint32_t before = counted(row->count);

	events[row->event % EVENTS] = 0;
	peer.fault = row->fault;
	WAIT_UNTIL(counted(row->count) > before);
	if (row->event != EVENTS) {
		WAIT_UNTIL(events[row->event] > 0);
	}
	if (row->reads) {
		wait_readings(2);
	} else {
		/* What was under way when the fault began is over. */
		const uint32_t asked = peer.requests;

		WAIT_UNTIL(peer.requests > asked + 1U);
		look();
		const uint32_t readings = seen.count.readings;

		nap(SETTLE_MS);
		look();
		assert_int_equal(seen.count.readings, readings);
	}
	peer.fault = FAULT_NONE;
	wait_readings(1);
	assert_int_equal(sample.soc_pct, 77);
}

static void test_SAF_13_FLT_38_FLT_41_FLT_42_faults_of_aa55(void **state)
{
	static const struct fault_row rows[] = {
		{FAULT_SILENT, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_LATE, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_CUT, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_LONG, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_SUM, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_ECHO, EVENT_GOODWE_FOREIGN, COUNT(foreign), false},
		{FAULT_TYPE, EVENT_GOODWE_FOREIGN, COUNT(foreign), false},
		{FAULT_PORT, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_TWICE, EVENTS, COUNT(readings), true},
		{FAULT_NOISE, EVENTS, COUNT(silent), false},
		{FAULT_FLOOD, EVENTS, COUNT(silent), false},
		{FAULT_OTHER, EVENTS, COUNT(foreign), false},
		{FAULT_NOISE_THEN_ANSWER, EVENTS, COUNT(readings), true},
	};

	(void)state;
	begin_with(PEER_AA55);
	wait_readings(1);
	const int open = descriptors();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		try_fault(&rows[i]);
	}
	WAIT_UNTIL(descriptors() <= open + 1); /* the socket of a question that is under way */
	end();
}

static void test_SAF_13_FLT_42_faults_of_modbus(void **state)
{
	static const struct fault_row rows[] = {
		{FAULT_SILENT, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_LATE, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_CUT, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_LONG, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_SUM, EVENT_GOODWE_DAMAGED, COUNT(damaged), false},
		{FAULT_ECHO, EVENT_GOODWE_FOREIGN, COUNT(foreign), false},
		{FAULT_TYPE, EVENT_GOODWE_FOREIGN, COUNT(foreign), false},
		{FAULT_PORT, EVENT_GOODWE_SILENT, COUNT(silent), false},
		{FAULT_TWICE, EVENTS, COUNT(readings), true},
		{FAULT_EXCEPTION, EVENT_GOODWE_REFUSED, COUNT(refused), false},
	};

	(void)state;
	begin_with(PEER_MODBUS);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		try_fault(&rows[i]);
	}
	/* Without the battery manager's registers there is no state of charge, but all else. */
	peer.fault = FAULT_NO_PACK;
	WAIT_UNTIL(sample.soc_pct == SOURCE_NO_VALUE);
	wait_readings(2);
	assert_int_equal(sample.current_ma, -10000);
	end();
}

/* A reading is as old as its values, not as the state of charge that was waited for in vain. */
static void test_reading_has_the_time_of_its_values(void **state)
{
	struct service_health h = {0};

	(void)state;
	begin_with(PEER_MODBUS);
	wait_readings(1);
	peer.fault = FAULT_PACK_SILENT;
	WAIT_UNTIL(sample.soc_pct == SOURCE_NO_VALUE);
	const int64_t t_ns = sample.t_ns;

	/* Published one after the other: the first good time behind that of the sample is its own. */
	WAIT_UNTIL(snapshot_try_read(&goodwe.service.health.head, &h, sizeof(h)) &&
		   h.good_ns > t_ns);
	assert_true(h.good_ns - t_ns >= ANSWER_MS * NS_PER_MS);
	assert_int_equal(sample.current_ma, -10000);
	assert_int_equal(seen.count.damaged + seen.count.foreign, 0);
	end();
}

static void test_no_battery(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	const struct goodwe_config c = config();

	peer.mode = 0;
	peer.soc_pct = 0;
	begin(&c);
	WAIT_UNTIL(sample.mode == PEER_NO_BATTERY);
	WAIT_UNTIL(events[EVENT_GOODWE_NO_BATTERY] == 1);
	wait_readings(3);
	assert_int_equal(events[EVENT_GOODWE_NO_BATTERY], 1);
	peer.soc_pct = 50;
	WAIT_UNTIL(sample.mode == PEER_UNKNOWN);
	peer.mode = 1;
	WAIT_UNTIL(sample.mode == PEER_IDLE);
	end();
}

static void test_values_that_repeat_are_information(void **state)
{
	(void)state;
	begin_with(PEER_AA55);
	WAIT_UNTIL(events[EVENT_GOODWE_UNCHANGED] == 1);
	assert_int_equal(event_level(EVENT_GOODWE_UNCHANGED), EVENT_INFO);
	WAIT_UNTIL(seen.unchanged > GOODWE_UNCHANGED_SAY);
	assert_int_equal(seen.stale, 0);
	peer.current_da = 101;
	WAIT_UNTIL(sample.current_ma == -10100);
	WAIT_UNTIL(seen.unchanged < GOODWE_UNCHANGED_SAY);
	end();
}

static void test_stale_is_told_once(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();

	c.stale_ms = 400;
	c.pause_max_ms = 2000;
	c.poll_ms = 250; /* it is over in the first pause: told there, not behind it */
	begin(&c);
	wait_readings(1);
	peer.fault = FAULT_SILENT;
	WAIT_UNTIL(events[EVENT_GOODWE_STALE] == 1);
	assert_true(event_arg[EVENT_GOODWE_STALE] > 400);
	WAIT_UNTIL(seen.stale == 1U);
	assert_int_equal(seen.count.readings, 1);
	nap(SETTLE_MS);
	look();
	assert_int_equal(events[EVENT_GOODWE_STALE], 1);
	/* The sample stays, with its time: how old it may be is judged where it is used. */
	assert_int_equal(sample.soc_pct, 77);
	assert_true(clock_now() - sample.t_ns > 100 * NS_PER_MS);
	peer.fault = FAULT_NONE;
	wait_readings(1);
	WAIT_UNTIL(seen.stale == 0U);
	end();
}

/* Three tries, then pauses that double. */
static void test_pauses_grow(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();

	c.family = GOODWE_FAMILY_AA55;
	c.answer_ms = 5;
	c.poll_ms = 20;
	c.pause_max_ms = 160;
	peer.fault = FAULT_SILENT;
	begin(&c);
	const int64_t start_ns = clock_now();

	WAIT_UNTIL(peer.requests >= 5U * GOODWE_TRIES);
	/* four pauses: 20, 40, 80, 160 ms */
	assert_true(clock_now() - start_ns >= 300 * NS_PER_MS);
	WAIT_UNTIL(goodwe.service.health.head.seq != 0U);
	peer.fault = FAULT_NONE;
	wait_readings(3);
	end();
	assert_int_equal(seen.count.requests, peer.requests);
}

static void test_nobody_there(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();

	c.port = 1; /* nothing listens: the kernel says so */
	begin(&c);
	WAIT_UNTIL(events[EVENT_GOODWE_UNREACHABLE] > 0);
	assert_int_equal(event_arg[EVENT_GOODWE_UNREACHABLE], ECONNREFUSED);
	WAIT_UNTIL(seen.count.unreachable > 0);
	assert_int_equal(seen.count.readings, 0);
	end();
}

static void test_names(void **state)
{
	struct goodwe_config c;

	(void)state;
	peer_start(PEER_AA55);
	c = config();
	c.host = "peer.test";
	begin(&c);
	wait_readings(1);
	/* looked up anew after a failure */
	peer.fault = FAULT_SILENT;
	WAIT_UNTIL(events[EVENT_GOODWE_SILENT] > 0);
	peer.fault = FAULT_NONE;
	wait_readings(1);
	end();

	peer_start(PEER_AA55);
	c = config();
	c.host = "nowhere.test";
	begin(&c);
	WAIT_UNTIL(events[EVENT_GOODWE_NO_NAME] > 1);
	assert_int_equal(event_arg[EVENT_GOODWE_NO_NAME], EAI_NONAME);
	WAIT_UNTIL(seen.count.lookups > 1);
	end();
}

/* A resolver that hangs for ever holds up nothing, and is left alone. */
static void test_SAF_13_FLT_38_name_server_that_hangs(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();
	const int open = descriptors();

	c.host = "hang.test";
	begin(&c);
	WAIT_UNTIL(hung == 1U);
	end(); /* within its bound */
	assert_int_equal(hung, 1);
	(void)sem_post(&hanging);
	WAIT_UNTIL(hung == 0U);
	/* the last one to let go has closed what was left; the peer has gone too */
	WAIT_UNTIL(descriptors() <= open);
}

static void test_SAF_13_stop_waits_for_no_answer(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	struct goodwe_config c = config();

	c.answer_ms = 0; /* the usual second */
	c.pause_max_ms = 0;
	peer.fault = FAULT_SILENT;
	begin(&c);
	WAIT_UNTIL(peer.requests > 0U);
	const int64_t start_ns = clock_now();

	end();
	assert_true(clock_now() - start_ns < GOODWE_ANSWER_MS / 2 * NS_PER_MS);
}

static void test_refused_settings(void **state)
{
	(void)state;
	peer_start(PEER_AA55);
	for (int i = 0; i < 6; i++) {
		struct goodwe_config c = config();

		c.poll_ms = i == 0 ? 0 : c.poll_ms;
		c.stale_ms = i == 1 ? 0 : c.stale_ms;
		c.port = i == 2 ? 0 : c.port;
		c.port = i == 3 ? 65536 : c.port;
		c.answer_ms = i == 4 ? -1 : c.answer_ms;
		c.pause_max_ms = i == 5 ? -1 : c.pause_max_ms;
		memset(&goodwe, 0, sizeof(goodwe));
		assert_int_equal(goodwe_start(&goodwe, &c), -EINVAL);
		assert_int_equal(goodwe_stop(&goodwe), 0);
	}
	peer_stop();
}

/* A pattern: only the tests of that name; "--but" and one: all others. They run beside each other. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_by_aa55),
		cmocka_unit_test(test_sample_of_a_battery),
		cmocka_unit_test(test_finds_out_what_it_speaks),
		cmocka_unit_test(test_family_that_is_written_down),
		cmocka_unit_test(test_SAF_13_FLT_38_FLT_41_FLT_42_faults_of_aa55),
		cmocka_unit_test(test_SAF_13_FLT_42_faults_of_modbus),
		cmocka_unit_test(test_reading_has_the_time_of_its_values),
		cmocka_unit_test(test_no_battery),
		cmocka_unit_test(test_values_that_repeat_are_information),
		cmocka_unit_test(test_stale_is_told_once),
		cmocka_unit_test(test_pauses_grow),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_SAF_13_FLT_38_name_server_that_hangs),
		cmocka_unit_test(test_SAF_13_stop_waits_for_no_answer),
		cmocka_unit_test(test_refused_settings),
	};

	if (sem_init(&hanging, 0, 0) != 0) {
		return EXIT_FAILURE;
	}
	if (argc > 2) {
		cmocka_set_skip_filter(argv[2]);
	} else if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	return cmocka_run_group_tests_name("svc/goodwe", tests, NULL, NULL);
}
