/* SPDX-License-Identifier: Apache-2.0 */
/* The bench bus as its clients see it. */
#include "rt/can.h"

#include "base/time.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define NOBODY	  65534
#define ERR_LEN	  256
#define WAIT_MS	  2000
#define PATH_LEN  80
#define NOBODY_OK 0

static const uint16_t ids[] = {0x305, 0x351, 0x355};

struct bench {
	char dir[PATH_LEN];
	char path[PATH_LEN + 8];
	char interface[PATH_LEN + 16];
	struct can_port *port;
};

static int64_t now_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void sleep_ms(int32_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static int start(const char *interface, struct can_port **ret, char *err, size_t err_len)
{
	const struct can_port_config config = {
		.interface = interface,
		.rx_ids = ids,
		.rx_ids_len = ARRAY_SIZE(ids),
		.slot_ms = 10,
	};

	return can_port_start(ret, &config, err, err_len);
}

static int setup_dir(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b) {
		return -1;
	}
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/jkp-bus-XXXXXX");
	if (!mkdtemp(b->dir)) {
		free(b);
		return -1;
	}
	(void)snprintf(b->path, sizeof(b->path), "%s/bus", b->dir);
	(void)snprintf(b->interface, sizeof(b->interface), "unix:%s", b->path);
	*state = b;
	return 0;
}

static int setup(void **state)
{
	char err[ERR_LEN] = "";
	struct bench *b;

	if (setup_dir(state) < 0) {
		return -1;
	}
	b = *state;
	if (start(b->interface, &b->port, err, sizeof(err)) != 0) {
		print_error("%s\n", err);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	can_port_stop(b->port);
	(void)unlink(b->path);
	(void)rmdir(b->dir);
	free(b);
	return 0;
}

static struct can_stats stats(const struct bench *b)
{
	struct can_stats s;

	can_port_get_stats(b->port, &s);
	return s;
}

static int connect_client(const struct bench *b)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval wait = {.tv_sec = 2};
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	return fd;
}

/* A client that the port knows of. */
static int join_bus(const struct bench *b)
{
	const uint32_t before = stats(b).clients;
	const int fd = connect_client(b);

	for (int i = 0; i < WAIT_MS && stats(b).clients == before; i++) {
		sleep_ms(1);
	}
	assert_int_equal(stats(b).clients, before + 1);
	return fd;
}

static void give(int fd, canid_t id, uint8_t value)
{
	const struct can_frame f = {.can_id = id, .can_dlc = 8, .data = {value}};

	assert_int_equal(send(fd, &f, sizeof(f), MSG_NOSIGNAL), sizeof(f));
}

static void expect(int fd, canid_t id, uint8_t value)
{
	struct can_frame f;

	assert_int_equal(recv(fd, &f, sizeof(f), 0), sizeof(f));
	assert_int_equal(f.can_id, id);
	assert_int_equal(f.data[0], value);
}

static void expect_nothing(int fd)
{
	struct can_frame f;

	assert_int_equal(recv(fd, &f, sizeof(f), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static size_t read_port(const struct bench *b, struct can_rx *rx, size_t max)
{
	return can_port_read(b->port, rx, max);
}

static void put(const struct bench *b, uint16_t id, uint8_t value)
{
	const struct can_msg m = {.id = id, .len = 8, .data = {value}};

	assert_int_equal(can_port_write(b->port, &m, now_ns()), 0);
}

static void test_frame_of_a_client_reaches_the_daemon_and_the_other_clients(void **state)
{
	struct bench *b = *state;
	const int one = join_bus(b);
	const int two = join_bus(b);
	struct can_rx rx[8];

	give(one, 0x305, 7);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	assert_int_equal(rx[0].msg.id, 0x305);
	assert_int_equal(rx[0].msg.len, 8);
	assert_int_equal(rx[0].msg.data[0], 7);
	assert_int_equal(rx[0].origin, CAN_FROM_BUS);
	expect(two, 0x305, 7);
	expect_nothing(one);
	assert_int_equal(stats(b).rx, 1);
	(void)close(one);
	(void)close(two);
}

static void test_frame_of_the_daemon_reaches_all_clients_and_is_confirmed_once(void **state)
{
	struct bench *b = *state;
	const int one = join_bus(b);
	const int two = join_bus(b);
	struct can_rx rx[8];

	put(b, 0x351, 3);
	expect(one, 0x351, 3);
	expect(two, 0x351, 3);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	assert_int_equal(rx[0].msg.id, 0x351);
	assert_int_equal(rx[0].origin, CAN_OWN);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	(void)close(one);
	(void)close(two);
}

static void test_FLT_21_without_clients_nothing_is_confirmed(void **state)
{
	struct bench *b = *state;
	struct can_rx rx[8];
	int client;

	assert_int_equal(can_port_link(b->port), CAN_LINK_UP);
	put(b, 0x351, 1);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	/* FLT-22: what was sent meanwhile never reaches a client that comes later. */
	client = join_bus(b);
	expect_nothing(client);
	put(b, 0x351, 2);
	expect(client, 0x351, 2);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	/* The last client leaves. */
	(void)close(client);
	put(b, 0x351, 3);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(stats(b).clients_dropped, 0);
}

static void test_FLT_25_own_identifier_from_another_node_is_seen_as_foreign(void **state)
{
	struct bench *b = *state;
	const int client = join_bus(b);
	struct can_rx rx[8];

	give(client, 0x351, 9);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	assert_int_equal(rx[0].msg.id, 0x351);
	assert_int_equal(rx[0].origin, CAN_FROM_BUS);
	(void)close(client);
}

static void test_other_frames_pass_between_clients_but_not_to_the_daemon(void **state)
{
	static const canid_t id[] = {0x123, 0x305 | CAN_EFF_FLAG, 0x305 | CAN_RTR_FLAG};
	struct bench *b = *state;
	const int one = join_bus(b);
	const int two = join_bus(b);
	struct can_rx rx[8];

	for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
		give(one, id[i], (uint8_t)i);
		assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
		expect(two, id[i], (uint8_t)i);
	}
	(void)close(one);
	(void)close(two);
}

/* The client was dropped: it reads the end of the file. */
static void expect_dropped(int fd)
{
	uint8_t buf[64];

	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0);
}

static void test_client_that_sends_another_size_is_dropped(void **state)
{
	static const size_t size[] = {1, 8, 15, 17, 32, 72};
	struct bench *b = *state;
	const int good = join_bus(b);
	struct can_rx rx[8];
	uint8_t buf[72] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		const int bad = join_bus(b);

		assert_int_equal(send(bad, buf, size[i], 0), size[i]);
		assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
		expect_dropped(bad);
		assert_int_equal(stats(b).clients_dropped, i + 1);
		(void)close(bad);
	}
	expect_nothing(good);
	give(good, 0x305, 1);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	(void)close(good);
}

static void test_client_that_sends_an_impossible_length_is_dropped(void **state)
{
	const struct can_frame f = {.can_id = 0x305, .can_dlc = 9};
	struct bench *b = *state;
	const int bad = join_bus(b);
	struct can_rx rx[8];

	assert_int_equal(send(bad, &f, sizeof(f), 0), sizeof(f));
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	expect_dropped(bad);
	assert_int_equal(stats(b).clients_dropped, 1);
	(void)close(bad);
}

static void test_FLT_20_slow_client_is_dropped_and_the_others_are_served(void **state)
{
	struct bench *b = *state;
	const int slow = join_bus(b);
	const int good = join_bus(b);
	struct can_rx rx[8];
	uint32_t n = 0;

	while (stats(b).clients_dropped == 0 && n < 100000) {
		put(b, 0x351, (uint8_t)n);
		expect(good, 0x351, (uint8_t)n);
		assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
		n++;
	}
	assert_int_equal(stats(b).clients_dropped, 1);
	/* Some seconds of traffic at 9 frames per second, not minutes. */
	assert_in_range(n, 20, 1000);
	assert_int_equal(stats(b).tx_full, 0);
	put(b, 0x351, 5);
	expect(good, 0x351, 5);
	(void)close(slow);
	(void)close(good);
}

static void test_FLT_56_second_instance_is_refused_and_the_first_not_disturbed(void **state)
{
	struct bench *b = *state;
	const int client = join_bus(b);
	struct can_port *second = NULL;
	char err[ERR_LEN] = "";
	const int64_t start_ns = now_ns();
	struct can_rx rx[8];

	assert_int_equal(start(b->interface, &second, err, sizeof(err)), -EADDRINUSE);
	assert_true(now_ns() - start_ns < 200 * NS_PER_MS);
	assert_null(second);
	assert_non_null(strstr(err, b->path));
	assert_non_null(strstr(err, "another instance"));
	give(client, 0x305, 1);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	put(b, 0x351, 2);
	expect(client, 0x351, 2);
	assert_int_equal(stats(b).clients_dropped, 0);
	(void)close(client);
}

static void leave_stale_socket(const struct bench *b)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(close(fd), 0);
}

static void test_socket_of_a_dead_process_is_replaced(void **state)
{
	struct bench *b = *state;
	char err[ERR_LEN] = "";

	leave_stale_socket(b);
	assert_int_equal(start(b->interface, &b->port, err, sizeof(err)), 0);
	(void)close(join_bus(b));
}

static void test_socket_file_is_removed_at_the_end_but_no_other(void **state)
{
	struct bench *b = *state;
	char err[ERR_LEN] = "";

	assert_int_equal(start(b->interface, &b->port, err, sizeof(err)), 0);
	assert_int_equal(access(b->path, F_OK), 0);
	can_port_stop(b->port);
	b->port = NULL;
	assert_int_equal(access(b->path, F_OK), -1);

	assert_int_equal(start(b->interface, &b->port, err, sizeof(err)), 0);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(close(open(b->path, O_CREAT | O_WRONLY, 0600)), 0);
	can_port_stop(b->port);
	b->port = NULL;
	assert_int_equal(access(b->path, F_OK), 0);
}

static void test_unusable_paths_are_refused_with_a_remedy(void **state)
{
	struct bench *b = *state;
	char nodir[PATH_LEN + 32];
	char longname[256] = "unix:/tmp/";
	const struct {
		const char *interface;
		int result;
		const char *remedy;
	} row[] = {
		{b->interface, -EEXIST, "no socket"},
		{nodir, -ENOENT, "create it"},
		{longname, -ENAMETOOLONG, "longer"},
	};
	struct stat st;

	(void)snprintf(nodir, sizeof(nodir), "unix:%s/none/bus", b->dir);
	memset(longname + strlen(longname), 'x', 150);
	assert_int_equal(close(open(b->path, O_CREAT | O_WRONLY, 0600)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct can_port *p = NULL;
		char err[ERR_LEN] = "";
		const int result = start(row[i].interface, &p, err, sizeof(err));

		if (result != row[i].result || p || !strstr(err, row[i].remedy)) {
			fail_msg("%s: %d \"%s\"", row[i].interface, result, err);
		}
	}
	/* The file in the way is left alone. */
	assert_int_equal(lstat(b->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_missing_permission_is_told(void **state)
{
	struct bench *b = *state;
	pid_t child;
	int status = -1;

	assert_int_equal(chmod(b->dir, 0555), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct can_port *p = NULL;
		char err[ERR_LEN] = "";

		if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0) {
			_exit(99);
		}
		if (start(b->interface, &p, err, sizeof(err)) != -EACCES) {
			_exit(1);
		}
		_exit(strstr(err, "no permission") ? NOBODY_OK : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(b->dir, 0755), 0);
	assert_int_equal(status, NOBODY_OK);
}

static void test_ninth_client_finds_the_bus_full_and_a_place_becomes_free_again(void **state)
{
	struct bench *b = *state;
	int fd[CAN_PORT_CLIENTS_MAX];
	struct can_rx rx[8];
	int ninth;

	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = join_bus(b);
	}
	ninth = connect_client(b);
	expect_dropped(ninth);
	(void)close(ninth);
	put(b, 0x351, 1);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		expect(fd[i], 0x351, 1);
	}
	(void)close(fd[0]);
	for (int i = 0; i < WAIT_MS && stats(b).clients == ARRAY_SIZE(fd); i++) {
		(void)read_port(b, rx, ARRAY_SIZE(rx));
		sleep_ms(1);
	}
	assert_int_equal(stats(b).clients, ARRAY_SIZE(fd) - 1);
	/* The helper has put the place back into use within two of its ticks. */
	sleep_ms(250);
	fd[0] = join_bus(b);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		(void)close(fd[i]);
	}
}

static void test_FLT_23_client_can_play_the_controller(void **state)
{
	struct bench *b = *state;
	const int one = join_bus(b);
	const int two = join_bus(b);
	struct can_error e;
	struct can_rx rx[8];

	give(one, 0x20000040, 0);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(can_port_link(b->port), CAN_LINK_BUS_OFF);
	assert_true(can_port_error(b->port, &e));
	assert_int_equal(e.error_class, CAN_ERR_BUSOFF);
	give(one, 0x20000100, 0);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(can_port_link(b->port), CAN_LINK_UP);
	assert_int_equal(stats(b).error_frames, 2);
	/* Classes that SocketCAN would filter are ignored here too. */
	give(one, 0x20000088, 0);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(stats(b).error_frames, 2);
	expect_nothing(two);
	(void)close(one);
	(void)close(two);
}

static void test_FLT_27_flooding_client_does_not_silence_another(void **state)
{
	struct bench *b = *state;
	const int flood = join_bus(b);
	const int quiet = join_bus(b);
	const struct can_frame noise = {.can_id = 0};
	struct can_rx rx[8];
	size_t n = 0;

	/* As much as the socket holds, then the one frame that matters. */
	while (send(flood, &noise, sizeof(noise), MSG_DONTWAIT) > 0) {
		n++;
	}
	assert_true(n > CAN_PORT_RECV_MAX);
	give(quiet, 0x305, 4);
	assert_int_equal(read_port(b, rx, ARRAY_SIZE(rx)), 1);
	assert_int_equal(rx[0].msg.data[0], 4);
	(void)close(flood);
	(void)close(quiet);
}

static void test_frames_beyond_the_readers_room_come_next_time_in_order(void **state)
{
	struct bench *b = *state;
	const int client = join_bus(b);
	struct can_rx rx[4];
	uint8_t next = 0;

	for (uint8_t i = 0; i < 10; i++) {
		give(client, 0x305, i);
	}
	while (next < 10) {
		const size_t n = read_port(b, rx, 3);

		assert_in_range(n, 1, 3);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(rx[i].msg.data[0], next);
			next++;
		}
	}
	(void)close(client);
}

static void test_flush_is_no_fault_on_a_bus_without_a_queue(void **state)
{
	struct bench *b = *state;

	can_port_flush(b->port);
	assert_int_equal(stats(b).flush_refused, 0);
	assert_int_equal(stats(b).flushes, 0);
	assert_null(can_port_note(b->port));
}

struct cycle_thread {
	struct can_port *port;
	_Atomic uint32_t stop;
	_Atomic uint32_t alive;
};

static void *cycle(void *arg)
{
	struct cycle_thread *c = arg;
	struct can_rx rx[32];

	while (atomic_load(&c->stop) == 0U) {
		const size_t n = can_port_read(c->port, rx, ARRAY_SIZE(rx));
		const struct can_msg m = {.id = 0x351, .len = 8};

		for (size_t i = 0; i < n; i++) {
			atomic_fetch_add(&c->alive, rx[i].msg.id == 0x305 ? 1U : 0U);
		}
		can_port_service(c->port, now_ns());
		(void)can_port_write(c->port, &m, now_ns());
		(void)can_port_link(c->port);
		sleep_ms(1);
	}
	return NULL;
}

static void test_clients_come_and_go_while_the_cycle_runs(void **state)
{
	struct bench *b = *state;
	struct cycle_thread c = {.port = b->port};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, cycle, &c), 0);
	for (int i = 0; i < 20; i++) {
		const uint32_t before = atomic_load(&c.alive);
		const int client = connect_client(b);
		struct can_frame f;

		/* The first frame of the daemon proves that we are in. */
		assert_int_equal(recv(client, &f, sizeof(f), 0), sizeof(f));
		assert_int_equal(f.can_id, 0x351);
		give(client, 0x305, 0);
		for (int w = 0; w < WAIT_MS && atomic_load(&c.alive) == before; w++) {
			sleep_ms(1);
		}
		assert_int_equal(atomic_load(&c.alive), before + 1);
		(void)close(client);
		sleep_ms(20);
	}
	atomic_store(&c.stop, 1U);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(stats(b).reopens, 20);
}

#define BUS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, setup_dir, teardown)

int main(void)
{
	const struct CMUnitTest test[] = {
		BUS_TEST(test_frame_of_a_client_reaches_the_daemon_and_the_other_clients),
		BUS_TEST(test_frame_of_the_daemon_reaches_all_clients_and_is_confirmed_once),
		BUS_TEST(test_FLT_21_without_clients_nothing_is_confirmed),
		BUS_TEST(test_FLT_25_own_identifier_from_another_node_is_seen_as_foreign),
		BUS_TEST(test_other_frames_pass_between_clients_but_not_to_the_daemon),
		BUS_TEST(test_client_that_sends_another_size_is_dropped),
		BUS_TEST(test_client_that_sends_an_impossible_length_is_dropped),
		BUS_TEST(test_FLT_20_slow_client_is_dropped_and_the_others_are_served),
		BUS_TEST(test_FLT_56_second_instance_is_refused_and_the_first_not_disturbed),
		DIR_TEST(test_socket_of_a_dead_process_is_replaced),
		DIR_TEST(test_socket_file_is_removed_at_the_end_but_no_other),
		DIR_TEST(test_unusable_paths_are_refused_with_a_remedy),
		DIR_TEST(test_missing_permission_is_told),
		BUS_TEST(test_ninth_client_finds_the_bus_full_and_a_place_becomes_free_again),
		BUS_TEST(test_FLT_23_client_can_play_the_controller),
		BUS_TEST(test_FLT_27_flooding_client_does_not_silence_another),
		BUS_TEST(test_frames_beyond_the_readers_room_come_next_time_in_order),
		BUS_TEST(test_flush_is_no_fault_on_a_bus_without_a_queue),
		BUS_TEST(test_clients_come_and_go_while_the_cycle_runs),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
