/* SPDX-License-Identifier: Apache-2.0 */
/* The reading of the inverter's RS485 port, against an inverter on a pty that can do anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "svc/solis.h"

#define ADDRESS	  17
#define REQUEST	  8U
#define ANSWER	  (5U + 2U * ECHO_REGISTERS)
#define WAIT_MS	  15000
#define POLL_MS	  20
#define PAUSE_MIN 50
#define ANSWER_MS 150
#define PAUSE_MAX 400
#define WINDOW_MS 1000
#define PATH_SIZE 128
#define STOP_MS	  2000 /* the runner's own bound is 1 s */
#define LATE_MS	  2000 /* one pause and an answer, on a busy machine */

enum fault {
	FAULT_NONE,
	FAULT_SILENT,
	FAULT_CRC,
	FAULT_EXCEPTION,
	FAULT_SHORT,
	FAULT_ADDRESS,
	FAULT_FUNCTION,
	FAULT_COUNT,
	FAULT_GARBAGE,
	FAULT_DRIP, /* a byte every 100 ms: each is in time, the whole is not */
};

/* The inverter; a thread answers on the master side. */
static struct {
	int master;
	int slave; /* kept open: else the master reads EIO before the service opens it */
	char link[PATH_SIZE];
	char folder[PATH_SIZE];
	pthread_t thread;
	_Atomic uint32_t quit;
	_Atomic uint32_t fault;
	_Atomic uint32_t requests;
	_Atomic uint32_t wrong; /* anything that is no request for the registers */
	_Atomic uint32_t reg[ECHO_REGISTERS];
	_Atomic int64_t request_ns[8];
} inverter;

static struct solis solis;
static struct telemetry telemetry;
static SNAPSHOT_OF(struct telemetry) bus;
static uint32_t events[EVENTS];
static int32_t event_arg[EVENTS];
static struct solis_status seen;

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Modbus over Serial Line V1.02, 6.2.2: polynomial 0xA001, begun with all ones. */
static uint16_t crc16(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 1U) != 0 ? (uint16_t)(crc >> 1 ^ 0xA001U)
					      : (uint16_t)(crc >> 1);
		}
	}
	return crc;
}

static size_t put_crc(uint8_t *p, size_t len)
{
	const uint16_t crc = crc16(p, len);

	p[len] = (uint8_t)crc;
	p[len + 1] = (uint8_t)(crc >> 8);
	return len + 2;
}

static void put(const uint8_t *p, size_t len)
{
	(void)!write(inverter.master, p, len);
}

static void answer(enum fault fault)
{
	uint8_t a[256] = {ADDRESS, 4, 2 * ECHO_REGISTERS};
	size_t len = 3;

	for (size_t i = 0; i < ECHO_REGISTERS; i++) {
		a[len++] = (uint8_t)(inverter.reg[i] >> 8);
		a[len++] = (uint8_t)inverter.reg[i];
	}
	switch (fault) {
	case FAULT_NONE:
		break;
	case FAULT_SILENT:
		return;
	case FAULT_CRC:
		len = put_crc(a, len);
		a[len - 1] ^= 1U;
		put(a, len);
		return;
	case FAULT_EXCEPTION:
		a[1] = 0x84;
		a[2] = 2;
		len = 3;
		break;
	case FAULT_SHORT:
		put(a, put_crc(a, len) - 3);
		return;
	case FAULT_ADDRESS:
		a[0] = ADDRESS + 1;
		break;
	case FAULT_FUNCTION:
		a[1] = 3;
		break;
	case FAULT_COUNT:
		a[2] = 2 * ECHO_REGISTERS - 2;
		len -= 2;
		break;
	case FAULT_GARBAGE:
		for (size_t i = 0; i < sizeof(a); i++) {
			a[i] = (uint8_t)(i * 37U + inverter.requests);
		}
		put(a, sizeof(a));
		return;
	case FAULT_DRIP:
		len = put_crc(a, len);
		for (size_t i = 0; i < len && inverter.fault == FAULT_DRIP; i++) {
			put(&a[i], 1);
			poll(NULL, 0, 100);
		}
		return;
	default:
		break;
	}
	put(a, put_crc(a, len));
}

static void *serve(void *arg)
{
	static const uint8_t wanted[] = {ADDRESS, 4, 33139 >> 8, 33139 & 0xFF, 0, ECHO_REGISTERS};
	uint8_t got[REQUEST];
	size_t len = 0;

	(void)arg;
	while (inverter.quit == 0U) {
		struct pollfd p = {.fd = inverter.master, .events = POLLIN};

		if (poll(&p, 1, 20) <= 0) {
			continue;
		}
		const ssize_t n = read(inverter.master, got + len, sizeof(got) - len);

		len += n > 0 ? (size_t)n : 0U;
		if (len < REQUEST) {
			continue;
		}
		len = 0;
		if (memcmp(got, wanted, sizeof(wanted)) != 0 ||
		    crc16(got, REQUEST) != 0) { /* over its own CRC: 0 */
			inverter.wrong++;
		}
		inverter.request_ns[inverter.requests % ARRAY_SIZE(inverter.request_ns)] =
			clock_now();
		inverter.requests++;
		answer((enum fault)inverter.fault);
	}
	return NULL;
}

/* A new pty behind the link. */
static void plug(void)
{
	char name[PATH_SIZE];
	struct termios t;

	inverter.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(inverter.master >= 0);
	assert_int_equal(grantpt(inverter.master), 0);
	assert_int_equal(unlockpt(inverter.master), 0);
	assert_int_equal(ptsname_r(inverter.master, name, sizeof(name)), 0);
	inverter.slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(inverter.slave >= 0);
	assert_int_equal(tcgetattr(inverter.slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(inverter.slave, TCSANOW, &t), 0);
	(void)unlink(inverter.link);
	assert_int_equal(symlink(name, inverter.link), 0);
	inverter.quit = 0;
	assert_int_equal(pthread_create(&inverter.thread, NULL, serve, NULL), 0);
}

static void unplug(void)
{
	inverter.quit = 1;
	pthread_join(inverter.thread, NULL);
	close(inverter.slave);
	close(inverter.master);
}

static void set_registers(void)
{
	static const uint16_t normal[ECHO_REGISTERS] = {88, 100, 5268, 0xFF9C, 450, 550, 0, 0};

	for (size_t i = 0; i < ECHO_REGISTERS; i++) {
		inverter.reg[i] = normal[i];
	}
}

static int set_up(void **state)
{
	(void)state;
	memset(&inverter, 0, sizeof(inverter));
	memset(&solis, 0, sizeof(solis));
	memset(events, 0, sizeof(events));
	memset(&seen, 0, sizeof(seen));
	(void)snprintf(inverter.folder, sizeof(inverter.folder), "/tmp/jkpylon-solis-XXXXXX");
	assert_non_null(mkdtemp(inverter.folder));
	(void)snprintf(inverter.link, sizeof(inverter.link), "%.100s/rs485", inverter.folder);
	set_registers();
	plug();
	telemetry = (struct telemetry){
		.limit_ma = {45000, 55000},
		.soc_shown_pct = 88,
		.pack_shown_mv = 52680,
		.can_confirmed = 1,
	};
	snapshot_init(&bus.head, sizeof(telemetry));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(solis_stop(&solis), 0);
	unplug();
	/* It only ever reads. */
	assert_int_equal(inverter.wrong, 0);
	unlink(inverter.link);
	rmdir(inverter.folder);
	return 0;
}

static void start(void)
{
	const struct solis_config config = {
		.device = inverter.link,
		.bms_device = "/dev/null",
		.address = ADDRESS,
		.baud = 9600,
		.poll_ms = POLL_MS,
		.answer_ms = ANSWER_MS,
		.pause_min_ms = PAUSE_MIN,
		.pause_max_ms = PAUSE_MAX,
		.window_ms = WINDOW_MS,
		.telemetry = &bus.head,
	};

	assert_int_equal(solis_start(&solis, &config), 0);
}

/* The cycle goes on; events are taken as the logger does; the status as others would. */
static void look(void)
{
	struct solis_status scratch;
	struct event e;

	telemetry.count_frames++;
	snapshot_write(&bus.head, &telemetry, sizeof(telemetry));
	while (ring_pop(&solis.service.events, &e)) {
		assert_true(e.id < EVENTS);
		events[e.id]++;
		event_arg[e.id] = e.arg[0];
	}
	if (snapshot_try_read(&solis.status.head, &scratch, sizeof(scratch))) {
		seen = scratch;
	}
}

#define WAIT_FOR(condition)                                                             \
	do {                                                                            \
		const int64_t end_ns = clock_now() + WAIT_MS * NS_PER_MS;               \
		for (look(); !(condition); look()) {                                    \
			if (clock_now() > end_ns) {                                     \
				fail_msg("line %d: never: %s", __LINE__, (#condition)); \
			}                                                               \
			poll(NULL, 0, 10);                                              \
		}                                                                       \
	} while (0)

static void test_reads_and_agrees(void **state)
{
	(void)state;
	start();
	WAIT_FOR(seen.verdict == ECHO_AGREES);
	assert_true(seen.reading.t_ns > 0 && seen.reading.t_ns <= clock_now());
	assert_int_equal(seen.reading.value[ECHO_CHARGE], 45000);
	assert_int_equal(seen.reading.value[ECHO_DISCHARGE], 55000);
	assert_int_equal(seen.reading.value[ECHO_VOLTAGE], 52680);
	assert_int_equal(seen.reading.value[ECHO_SOC], 88);
	assert_int_equal(seen.reading.soh_pct, 100);
	assert_int_equal(seen.reading.current_ma, -10000);
	WAIT_FOR(seen.count.answers > 5);
	assert_int_equal(events[EVENT_SOLIS_OPEN], 1);
	assert_int_equal(events[EVENT_SOLIS_ANSWERS], 1);
	assert_int_equal(events[EVENT_ECHO_AGREES], 1);
	solis_stop(&solis);
	look();
	assert_int_equal(events[EVENT_SOLIS_TOTAL], 1);
	assert_true(event_arg[EVENT_SOLIS_TOTAL] > 5);
}

static void test_difference_is_told_after_the_time_and_heals(void **state)
{
	(void)state;
	start();
	WAIT_FOR(seen.verdict == ECHO_AGREES);
	const int64_t begin_ns = clock_now();

	inverter.reg[4] = 0;
	WAIT_FOR(seen.verdict == ECHO_DIFFERS);
	assert_true(clock_now() - begin_ns >= WINDOW_MS * NS_PER_MS);
	assert_int_equal(seen.differs, 1U << ECHO_CHARGE);
	assert_int_equal(events[EVENT_ECHO_CHARGE], 1);
	assert_int_equal(event_arg[EVENT_ECHO_CHARGE], 0);
	set_registers();
	WAIT_FOR(seen.verdict == ECHO_AGREES);
	assert_int_equal(events[EVENT_ECHO_AGREES], 2);
}

static void test_nothing_said_nothing_known(void **state)
{
	(void)state;
	telemetry.can_confirmed = 0;
	start();
	WAIT_FOR(seen.count.answers >= 10);
	assert_int_equal(seen.verdict, ECHO_UNKNOWN);
	telemetry.can_confirmed = 1;
	WAIT_FOR(seen.verdict == ECHO_AGREES);
}

static void test_SAF_13_every_fault_of_the_line_is_counted_and_left(void **state)
{
	static const struct {
		enum fault fault;
		uint32_t silent;
		uint32_t damaged;
		uint32_t refused;
	} row[] = {
		{FAULT_SILENT, 1, 0, 0}, {FAULT_CRC, 0, 1, 0},	   {FAULT_EXCEPTION, 0, 0, 1},
		{FAULT_SHORT, 1, 0, 0},	 {FAULT_ADDRESS, 0, 1, 0}, {FAULT_FUNCTION, 0, 1, 0},
		{FAULT_COUNT, 0, 1, 0},	 {FAULT_DRIP, 1, 0, 0},
	};

	(void)state;
	start();
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		inverter.fault = FAULT_NONE;
		WAIT_FOR(seen.verdict == ECHO_AGREES);
		uint32_t asked = inverter.requests;

		WAIT_FOR(inverter.requests > asked + 1U);
		const struct solis_count before = seen.count;

		inverter.fault = row[i].fault;
		WAIT_FOR(seen.count.silent + seen.count.damaged + seen.count.refused !=
			 before.silent + before.damaged + before.refused);
		assert_int_equal(seen.count.silent - before.silent, row[i].silent);
		assert_int_equal(seen.count.damaged - before.damaged, row[i].damaged);
		assert_int_equal(seen.count.refused - before.refused, row[i].refused);
		assert_int_equal(seen.count.losses, 0);
		/* the last good reading stands */
		assert_int_equal(seen.verdict, ECHO_AGREES);
		asked = inverter.requests;
		inverter.fault = FAULT_NONE;
		WAIT_FOR(seen.count.answers > before.answers + 3U && inverter.requests > asked);
	}
	assert_int_equal(events[EVENT_SOLIS_REFUSED], 1);
	assert_int_equal(event_arg[EVENT_SOLIS_REFUSED], 2);
	assert_int_equal(events[EVENT_ECHO_CHARGE] + events[EVENT_ECHO_DISCHARGE] +
				 events[EVENT_ECHO_VOLTAGE] + events[EVENT_ECHO_SOC],
			 0);
}

/* What noise looks like is its own affair: it is no answer, and it is left behind. */
static void test_SAF_13_garbage_is_no_answer(void **state)
{
	(void)state;
	inverter.fault = FAULT_GARBAGE;
	start();
	WAIT_FOR(inverter.requests >= 2U);
	WAIT_FOR(seen.count.silent + seen.count.damaged + seen.count.refused >= 2U);
	assert_int_equal(seen.count.answers, 0);
	inverter.fault = FAULT_NONE;
	WAIT_FOR(seen.verdict == ECHO_AGREES);
}

static void test_silence_is_asked_less_and_less_often(void **state)
{
	(void)state;
	inverter.fault = FAULT_SILENT;
	start();
	WAIT_FOR(inverter.requests >= 3U);
	const int64_t first = inverter.request_ns[1] - inverter.request_ns[0];
	const int64_t second = inverter.request_ns[2] - inverter.request_ns[1];

	/* the request is seen a little late each time */
	assert_in_range(first / NS_PER_MS, PAUSE_MIN + ANSWER_MS - 25, LATE_MS);
	assert_in_range(second / NS_PER_MS, 2 * PAUSE_MIN + ANSWER_MS - 25, LATE_MS);
	look();
	assert_true(events[EVENT_SOLIS_SILENT] >= 2U);
}

static void test_SAF_13_stop_does_not_wait_for_the_inverter(void **state)
{
	static const enum fault fault[] = {FAULT_SILENT, FAULT_DRIP, FAULT_GARBAGE, FAULT_NONE};

	for (size_t i = 0; i < ARRAY_SIZE(fault); i++) {
		const uint32_t asked = inverter.requests;

		inverter.fault = fault[i];
		start();
		WAIT_FOR(inverter.requests > asked);
		const int64_t begin_ns = clock_now();

		assert_int_equal(solis_stop(&solis), 0);
		assert_true(clock_now() - begin_ns < STOP_MS * NS_PER_MS);
		solis_stop(&solis);
		memset(&solis, 0, sizeof(solis));
	}
	(void)state;
}

static void test_unplugged_device_is_opened_again_when_it_is_back(void **state)
{
	(void)state;
	start();
	WAIT_FOR(seen.verdict == ECHO_AGREES);
	unplug();
	WAIT_FOR(seen.count.losses == 1U);
	assert_int_equal(unlink(inverter.link), 0);
	WAIT_FOR(events[EVENT_SOLIS_NO_DEVICE] >= 1U);
	assert_int_equal(event_arg[EVENT_SOLIS_NO_DEVICE], ENOENT);
	plug();
	const uint32_t answers = seen.count.answers;

	WAIT_FOR(seen.count.answers > answers + 2U);
	assert_int_equal(seen.count.opens, 2);
	assert_int_equal(events[EVENT_SOLIS_LOST], 1);
	assert_int_equal(events[EVENT_SOLIS_ANSWERS], 2);
}

static void test_SAF_13_device_of_the_bms_is_never_touched(void **state)
{
	char other[PATH_SIZE + 8];
	struct solis_config config = {
		.device = inverter.link,
		.address = ADDRESS,
		.baud = 1200,
		.poll_ms = POLL_MS,
		.answer_ms = ANSWER_MS,
		.pause_min_ms = PAUSE_MIN,
		.pause_max_ms = PAUSE_MAX,
		.window_ms = WINDOW_MS,
	};
	struct termios before;
	struct termios after;

	(void)state;
	/* the same tty by another name */
	(void)snprintf(other, sizeof(other), "%.100s/bms", inverter.folder);
	assert_int_equal(symlink(inverter.link, other), 0);
	config.bms_device = other;
	assert_int_equal(tcgetattr(inverter.slave, &before), 0);
	assert_int_equal(solis_start(&solis, &config), 0);
	WAIT_FOR(events[EVENT_SOLIS_IS_BMS] >= 2U);
	assert_int_equal(seen.count.opens, 0);
	assert_int_equal(inverter.requests, 0);
	assert_int_equal(tcgetattr(inverter.slave, &after), 0);
	assert_int_equal(after.c_cflag, before.c_cflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(cfgetospeed(&after), cfgetospeed(&before));
	unlink(other);
}

static void test_device_of_another_program_or_no_tty(void **state)
{
	char file[PATH_SIZE + 8];
	const int fd = open(inverter.link, O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	start();
	WAIT_FOR(events[EVENT_SOLIS_NO_DEVICE] == 1U);
	assert_int_equal(event_arg[EVENT_SOLIS_NO_DEVICE], EWOULDBLOCK);
	assert_int_equal(inverter.requests, 0);
	close(fd);
	WAIT_FOR(seen.verdict == ECHO_AGREES);
	solis_stop(&solis);

	memset(&solis, 0, sizeof(solis));
	look();
	(void)snprintf(file, sizeof(file), "%.100s/file", inverter.folder);
	close(open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	unlink(inverter.link);
	assert_int_equal(symlink(file, inverter.link), 0);
	start();
	WAIT_FOR(events[EVENT_SOLIS_NO_DEVICE] == 2U);
	assert_int_equal(event_arg[EVENT_SOLIS_NO_DEVICE], ENOTTY);
	unlink(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_and_agrees),
		TEST(test_difference_is_told_after_the_time_and_heals),
		TEST(test_nothing_said_nothing_known),
		TEST(test_SAF_13_every_fault_of_the_line_is_counted_and_left),
		TEST(test_SAF_13_garbage_is_no_answer),
		TEST(test_silence_is_asked_less_and_less_often),
		TEST(test_SAF_13_stop_does_not_wait_for_the_inverter),
		TEST(test_unplugged_device_is_opened_again_when_it_is_back),
		TEST(test_SAF_13_device_of_the_bms_is_never_touched),
		TEST(test_device_of_another_program_or_no_tty),
	};

	return cmocka_run_group_tests_name("svc/solis", tests, NULL, NULL);
}
