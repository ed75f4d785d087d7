/* SPDX-License-Identifier: Apache-2.0 */
/* Hearing a meter, on the loopback interface: multicast, unicast, and everything that is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "svc/sma.h"

#define GROUP	   "239.12.255.254"
#define SERIAL	   1901401956U
#define OTHER	   3008817151U
#define MAX_W	   45000
#define STALE_MS   400
#define SILENT_MS  1500
#define CALM_MS	   300
#define PAUSE_MIN  30
#define PAUSE_MAX  120
#define WAIT_MS	   10000
#define LONGEST	   65507U
#define SENDERS	   3 /* 127.0.0.1, 127.0.0.2 ... */
#define FLOOD_MS   1200
#define FLOOD_LEFT 40 /* per cent of the samples must get through at least */

static struct sma sma;
static struct sma_status seen;
static struct grid_sample grid;
static uint32_t grids; /* values seen in the snapshot */
static uint32_t events[EVENTS];
static struct event newest[EVENTS];
static int senders[SENDERS];
static struct sockaddr_in to_group;
static struct sockaddr_in to_host;
static int32_t port;
static struct speedwire_meter meter;
static uint8_t big[LONGEST];

static int64_t now(void)
{
	return service_now();
}

static void sleep_ms(int32_t ms)
{
	(void)poll(NULL, 0, ms);
}

static struct sockaddr_in address(const char *text, int32_t at)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)at)};

	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return a;
}

static int sender(uint32_t number)
{
	char text[32];
	const struct ip_mreqn out = {.imr_ifindex = (int)if_nametoindex("lo")};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(text, sizeof(text), "127.0.0.%u", number + 1U);
	const struct sockaddr_in own = address(text, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)), 0);
	return fd;
}

static int32_t free_port(void)
{
	struct sockaddr_in any = address("0.0.0.0", 0);
	socklen_t len = sizeof(any);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	close(fd);
	return ntohs(any.sin_port);
}

static int set_up(void **state)
{
	(void)state;
	memset(&sma, 0, sizeof(sma));
	memset(&seen, 0, sizeof(seen));
	memset(&grid, 0, sizeof(grid));
	memset(events, 0, sizeof(events));
	grids = 0;
	port = free_port();
	to_group = address(GROUP, port);
	to_host = address("127.0.0.1", port);
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = sender(i);
	}
	meter = (struct speedwire_meter){
		.protocol = SPEEDWIRE_METER, .susy = 349, .serial = SERIAL, .ticker_ms = 100000};
	meter.has_actual[SPEEDWIRE_SUM] = 1U << SPEEDWIRE_P_IMPORT | 1U << SPEEDWIRE_P_EXPORT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(sma_stop(&sma), 0);
	for (uint32_t i = 0; i < SENDERS; i++) {
		close(senders[i]);
	}
	return 0;
}

static struct sma_config config_of(enum meter_who who)
{
	return (struct sma_config){
		.interface = "lo",
		.group = GROUP,
		.port = port,
		.meter = {.who = who, .serial = SERIAL, .max_power_w = MAX_W, .stale_ms = STALE_MS},
		.pause_min_ms = PAUSE_MIN,
		.pause_max_ms = PAUSE_MAX,
		.silent_ms = SILENT_MS,
		.calm_ms = CALM_MS,
	};
}

static void look(void)
{
	struct sma_status status;
	struct grid_sample sample;
	struct event e;

	while (ring_pop(&sma.service.events, &e)) {
		assert_true(e.id < EVENTS);
		events[e.id]++;
		newest[e.id] = e;
	}
	if (snapshot_try_read(&sma.status.head, &status, sizeof(status))) {
		seen = status;
	}
	if (snapshot_try_read(&sma.grid.head, &sample, sizeof(sample))) {
		grids += sample.t_ns != grid.t_ns;
		grid = sample;
	}
}

#define WAIT_FOR(condition)                                                             \
	do {                                                                            \
		const int64_t end_ns = now() + WAIT_MS * NS_PER_MS;                     \
		for (look(); !(condition); look()) {                                    \
			if (now() > end_ns) {                                           \
				fail_msg("line %d: never: %s", __LINE__, (#condition)); \
			}                                                               \
			sleep_ms(2);                                                    \
		}                                                                       \
	} while (0)

static void start(enum meter_who who)
{
	const struct sma_config config = config_of(who);

	assert_int_equal(sma_start(&sma, &config), 0);
	WAIT_FOR(seen.opens == 1U);
}

static void transmit(uint32_t from, const struct sockaddr_in *to, const void *data, size_t len)
{
	assert_true(sendto(senders[from], data, len, 0, (const struct sockaddr *)to, sizeof(*to)) ==
		    (ssize_t)len);
}

/* The meter goes on by a second and says this power. */
static void say_as(uint32_t from, const struct sockaddr_in *to, int32_t power_w)
{
	uint8_t b[SPEEDWIRE_DATAGRAM_MAX];

	meter.ticker_ms += 1000;
	meter.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_IMPORT] = power_w > 0 ? (uint32_t)power_w * 10U
								      : 0U;
	meter.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_EXPORT] = power_w < 0 ? (uint32_t)-power_w * 10U
								      : 0U;
	transmit(from, to, b, speedwire_encode(&meter, b, sizeof(b)));
}

static void say(int32_t power_w)
{
	say_as(0, &to_group, power_w);
}

static void test_multicast_and_unicast_are_heard(void **state)
{
	(void)state;
	start(METER_SERIAL);
	const int64_t begin_ns = now();

	say(306);
	WAIT_FOR(grid.power_w == 306);
	assert_int_equal(grid.serial, SERIAL);
	assert_true(grid.t_ns >= begin_ns - NS_PER_MS && grid.t_ns <= now());
	say_as(0, &to_host, -11967);
	WAIT_FOR(grid.power_w == -11967);
	/* a Home Manager that sends to this machine alone */
	meter.protocol = SPEEDWIRE_METER_2;
	say_as(0, &to_host, -6994);
	WAIT_FOR(grid.power_w == -6994);
	look();
	assert_int_equal(seen.verdict[METER_TAKEN], 3);
	assert_int_equal(seen.kind[SPEEDWIRE_OK], 3);
	assert_int_equal(seen.follows, 1);
	assert_int_equal(seen.heard[0].serial, SERIAL);
	assert_int_equal(seen.heard[0].power_w, -6994);
	assert_int_equal(seen.heard[0].count, 3);
	assert_int_equal(seen.heard[0].source, INADDR_LOOPBACK);
	assert_int_equal(events[EVENT_SMA_JOINED], 1);
	assert_int_equal(events[EVENT_SMA_FOLLOWS], 1);
	assert_int_equal(sma_stop(&sma), 0);
	look();
	assert_int_equal(newest[EVENT_SMA_TOTAL].arg[0], 3);
}

static void test_nothing_is_taken_before_a_meter_is_named(void **state)
{
	(void)state;
	start(METER_NOBODY);
	for (int32_t i = 0; i < 3; i++) {
		meter.serial = SERIAL;
		say(100 + i);
		meter.serial = OTHER;
		say_as(1, &to_group, 200 + i);
	}
	WAIT_FOR(seen.verdict[METER_NOT_NAMED] == 6U);
	assert_int_equal(events[EVENT_SMA_NOT_NAMED], 2); /* once each */
	assert_int_equal((uint32_t)newest[EVENT_SMA_NOT_NAMED].arg[0], OTHER);
	assert_int_equal(newest[EVENT_SMA_NOT_NAMED].arg[2], 200);
	assert_int_equal(grids, 0);
}

static void test_FLT_41_other_serial_and_other_source_are_dropped(void **state)
{
	(void)state;
	start(METER_SERIAL);
	say(500);
	WAIT_FOR(grid.power_w == 500);
	for (int32_t i = 0; i < 5; i++) {
		say_as(1, &to_group, -9000); /* the same number from elsewhere */
		meter.serial = OTHER;
		say_as(2, &to_group, -8000);
		meter.serial = SERIAL;
		say(501 + i);
	}
	WAIT_FOR(grid.power_w == 505);
	assert_int_equal(seen.verdict[METER_OTHER_SOURCE], 5);
	assert_int_equal(seen.verdict[METER_OTHER_SERIAL], 5);
	assert_int_equal(seen.verdict[METER_TAKEN], 6);
	assert_true(events[EVENT_SMA_OTHER_SOURCE] >= 1U);
	assert_int_equal((uint32_t)newest[EVENT_SMA_OTHER_SOURCE].arg[1], INADDR_LOOPBACK + 1U);
	assert_int_equal(events[EVENT_SMA_OTHER_SERIAL], 1);
	/* until the old one is silent */
	sleep_ms(STALE_MS);
	say_as(1, &to_group, 700);
	WAIT_FOR(grid.power_w == 700);
	assert_int_equal(events[EVENT_SMA_FOLLOWS], 2);
}

static void test_FLT_41_replay_and_impossible_power_are_dropped(void **state)
{
	(void)state;
	start(METER_SERIAL);
	say(500);
	WAIT_FOR(grid.power_w == 500);
	meter.ticker_ms -= 2000;
	say(-3000);
	meter.ticker_ms += 1000;
	say(65535);
	say(-45001);
	meter.ticker_ms -= 1000;
	say(400); /* the same ticker once more */
	WAIT_FOR(seen.kind[SPEEDWIRE_OK] == 5U);
	assert_int_equal(seen.verdict[METER_BACKWARDS], 1);
	assert_int_equal(seen.verdict[METER_TOO_MUCH], 2);
	assert_int_equal(seen.verdict[METER_REPEATED], 1);
	assert_int_equal(seen.verdict[METER_TAKEN], 1);
	assert_int_equal(grid.power_w, 500);
	look();
	assert_int_equal(events[EVENT_SMA_TICKER], 1);
	assert_int_equal(newest[EVENT_SMA_IMPLAUSIBLE].arg[0], 65535);
	say(-7000);
	WAIT_FOR(grid.power_w == -7000);
}

static void test_FLT_42_datagrams_of_every_size(void **state)
{
	static const uint8_t begin[] = {'S', 'M', 'A', 0};
	static const uint8_t discovery[] = {'S', 'M', 'A', 0, 0, 4,  2, 0xA0, 255, 255,
					    255, 255, 0,   0, 0, 32, 0, 0,    0,   0};
	uint32_t sent = 0;

	(void)state;
	start(METER_SERIAL);
	for (uint32_t len = 0; len <= LONGEST; len += 1U + len / 3U) {
		for (uint32_t i = 0; i < len; i++) {
			big[i] = (uint8_t)(i < sizeof(begin) ? begin[i] : i * 37U + len);
		}
		transmit(0, &to_host, big, len);
		sent++;
		/* one of these fills the queue */
		sleep_ms(len > LONGEST / 8U ? 2 * SMA_REST_MS : 1);
	}
	transmit(0, &to_host, big, LONGEST);
	sleep_ms(2 * SMA_REST_MS);
	transmit(0, &to_group, discovery, sizeof(discovery));
	transmit(0, &to_group, discovery, sizeof(discovery) - 1U);
	transmit(0, &to_group, "hello", 5);
	WAIT_FOR(seen.kind[SPEEDWIRE_DISCOVERY] >= 1U && seen.kind[SPEEDWIRE_NOT_SMA] >= 2U);
	assert_true(seen.oversized >= 4U);
	assert_true(seen.kind[SPEEDWIRE_TRUNCATED] >= 5U);
	assert_true(seen.datagrams <= sent + 4U);
	assert_int_equal(seen.kind[SPEEDWIRE_OK], 0);
	assert_true(events[EVENT_SMA_DAMAGED] >= 1U);
	assert_int_equal(grids, 0);
	say(123);
	WAIT_FOR(grid.power_w == 123);
}

static void test_burst_is_drained_to_the_newest(void **state)
{
	(void)state;
	start(METER_SERIAL);
	say(1);
	WAIT_FOR(grid.power_w == 1);
	const int64_t begin_ns = now();

	for (int32_t i = 2; i <= 6; i++) {
		say(i);
	}
	WAIT_FOR(grid.power_w == 6);
	assert_true(grid.t_ns >= begin_ns - NS_PER_MS);
	assert_int_equal(seen.verdict[METER_TAKEN], 6);
}

static _Atomic uint32_t flooding;

static void *flood(void *arg)
{
	static const char junk[600] = "SMA";
	uint32_t *sent = arg;

	while (flooding != 0U) {
		for (int i = 0; i < 50; i++) {
			(void)sendto(senders[1], junk, sizeof(junk), 0,
				     (const struct sockaddr *)&to_group, sizeof(to_group));
			(*sent)++;
		}
		sleep_ms(1);
	}
	return NULL;
}

static void test_FLT_42_SAF_13_flood_is_shut_out(void **state)
{
	uint32_t sent = 0;
	pthread_t thread;
	int32_t said = 0;

	(void)state;
	start(METER_SERIAL);
	say(1000);
	WAIT_FOR(grid.power_w == 1000);
	flooding = 1;
	assert_int_equal(pthread_create(&thread, NULL, flood, &sent), 0);
	WAIT_FOR(seen.filtering != 0U);
	const uint32_t taken = seen.verdict[METER_TAKEN];
	const uint32_t looked = seen.datagrams;
	const int64_t begin_ns = now();

	/* it is let in for a moment every now and then, to see whether it is over */
	while (now() - begin_ns < FLOOD_MS * NS_PER_MS) {
		meter.ticker_ms -= 980; /* goes on with the time: lost ones must not put it ahead */
		say(1001 + said++);
		sleep_ms(20);
		look();
	}
	flooding = 0;
	pthread_join(thread, NULL);
	look();
	const int64_t lasted_ms = (now() - begin_ns) / NS_PER_MS;

	/* some of it is not even looked at */
	assert_true(sent > seen.datagrams - looked);
	assert_true((int32_t)(seen.verdict[METER_TAKEN] - taken) > said * FLOOD_LEFT / 100);
	/* what is looked at is bounded, filter or not */
	assert_true(seen.datagrams - looked <=
		    (uint32_t)(lasted_ms + 2 * SMA_REST_MS) * SMA_BURST / SMA_REST_MS);
	assert_true(events[EVENT_SMA_FLOOD] >= 1U);
	assert_true(seen.floods >= 1U);
	/* and it ends */
	WAIT_FOR(seen.filtering == 0U);
	/* the queue may still be full of it: then the kernel drops what comes */
	for (int64_t end_ns = now() + WAIT_MS * NS_PER_MS; grid.power_w != 77 && now() < end_ns;) {
		meter.ticker_ms -= 980;
		say(77);
		sleep_ms(20);
		look();
	}
	assert_int_equal(grid.power_w, 77);
	transmit(1, &to_group, "hello", 5);
	WAIT_FOR(seen.kind[SPEEDWIRE_NOT_SMA] == 1U);
}

static void test_FLT_42_flood_without_a_meter_to_let_in_is_bounded(void **state)
{
	uint32_t sent = 0;
	pthread_t thread;

	(void)state;
	start(METER_NOBODY);
	flooding = 1;
	assert_int_equal(pthread_create(&thread, NULL, flood, &sent), 0);
	WAIT_FOR(seen.datagrams > 0U);
	const int64_t begin_ns = now();
	const uint32_t looked = seen.datagrams;

	sleep_ms(300);
	look();
	const int64_t lasted_ms = (now() - begin_ns) / NS_PER_MS;

	assert_true(seen.datagrams - looked <=
		    (uint32_t)(lasted_ms + 2 * SMA_REST_MS) * SMA_BURST / SMA_REST_MS);
	assert_int_equal(seen.filtering, 0);
	flooding = 0;
	pthread_join(thread, NULL);
}

static uint32_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint32_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n;
}

static void test_FLT_40_silence_joins_again(void **state)
{
	const uint32_t before = descriptors();
	struct sma_config config = config_of(METER_SERIAL);

	(void)state;
	config.silent_ms = 60;
	assert_int_equal(sma_start(&sma, &config), 0);
	WAIT_FOR(seen.opens >= 2U);
	assert_true(events[EVENT_SMA_SILENT] >= 1U);
	WAIT_FOR(seen.opens >= 3U);
	assert_int_equal(grids, 0);
	assert_int_equal(sma_stop(&sma), 0);
	assert_int_equal(descriptors(), before);
}

static void test_interface_that_is_not_there_is_tried_again(void **state)
{
	struct sma_config config = config_of(METER_SERIAL);

	(void)state;
	config.interface = "nosuchif9";
	assert_int_equal(sma_start(&sma, &config), 0);
	WAIT_FOR(events[EVENT_SMA_NO_INTERFACE] >= 2U);
	assert_int_equal(seen.opens, 0);
	const int64_t begin_ns = now();

	assert_int_equal(sma_stop(&sma), 0);
	assert_true(now() - begin_ns < SERVICE_STOP_MAX_MS * NS_PER_MS);
}

static void test_port_of_another_program_is_tried_again(void **state)
{
	const struct sma_config config = config_of(METER_SERIAL);
	const struct sockaddr_in any = address("0.0.0.0", port);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(sma_start(&sma, &config), 0);
	WAIT_FOR(events[EVENT_SMA_NO_PORT] >= 2U);
	assert_int_equal(newest[EVENT_SMA_NO_PORT].arg[0], port);
	assert_int_equal(newest[EVENT_SMA_NO_PORT].arg[1], EADDRINUSE);
	close(fd);
	WAIT_FOR(seen.opens == 1U);
	say(42);
	WAIT_FOR(grid.power_w == 42);
}

/* Only what comes by the interface that is named. */
static void test_other_interfaces_are_left_aside(void **state)
{
	struct if_nameindex *all = if_nameindex();
	char name[IF_NAMESIZE] = "";
	struct sma_config config = config_of(METER_SERIAL);

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; all[i].if_index != 0U; i++) {
		if (strcmp(all[i].if_name, "lo") != 0 && name[0] == '\0') {
			(void)snprintf(name, sizeof(name), "%s", all[i].if_name);
		}
	}
	if_freenameindex(all);
	if (name[0] == '\0') {
		print_message("no second interface here; tests/system/test_sma.py makes one\n");
		return;
	}
	config.interface = name;
	assert_int_equal(sma_start(&sma, &config), 0);
	WAIT_FOR(seen.opens == 1U || events[EVENT_SMA_DOWN] >= 1U);
	if (seen.opens == 0U) {
		print_message("%s is down\n", name);
		return;
	}
	say(1);			/* multicast on lo: not joined there */
	say_as(0, &to_host, 2); /* unicast by lo */
	WAIT_FOR(seen.elsewhere == 1U);
	assert_int_equal(seen.datagrams, 1);
	assert_int_equal(grids, 0);
}

static void test_wrong_settings_are_refused(void **state)
{
	const struct sma_config good = config_of(METER_SERIAL);
	struct sma_config row[] = {good, good, good, good, good, good};

	(void)state;
	row[0].group = "192.168.1.1";
	row[1].group = "nonsense";
	row[2].port = 0;
	row[3].port = 65536;
	row[4].pause_min_ms = 0;
	row[5].meter.max_power_w = 0;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(sma_start(&sma, &row[i]), -EINVAL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_multicast_and_unicast_are_heard),
		TEST(test_nothing_is_taken_before_a_meter_is_named),
		TEST(test_FLT_41_other_serial_and_other_source_are_dropped),
		TEST(test_FLT_41_replay_and_impossible_power_are_dropped),
		TEST(test_FLT_42_datagrams_of_every_size),
		TEST(test_burst_is_drained_to_the_newest),
		TEST(test_FLT_42_SAF_13_flood_is_shut_out),
		TEST(test_FLT_42_flood_without_a_meter_to_let_in_is_bounded),
		TEST(test_FLT_40_silence_joins_again),
		TEST(test_interface_that_is_not_there_is_tried_again),
		TEST(test_port_of_another_program_is_tried_again),
		TEST(test_other_interfaces_are_left_aside),
		TEST(test_wrong_settings_are_refused),
	};

	return cmocka_run_group_tests_name("svc/sma", tests, NULL, NULL);
}
