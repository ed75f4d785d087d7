/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SocketCAN port, its helper thread included, on a kernel of the test: the linker puts the
 * functions below in the place of the socket calls for PF_CAN, of libsocketcan and of the look at
 * the interface (--wrap). So it runs where the kernel has no CAN, and errors come when wanted.
 */
#include "can_link.h"
#include "rt/can.h"

#include "base/time.h"
#include "base/units.h"

#include <errno.h>
#include <libsocketcan.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define ERR_LEN	    256
#define PERIOD_MS   5
#define BITRATE	    500000
#define OWN_MARK    0xCC /* last data byte of a frame that the fake kernel marks as ours */
#define INDEX_FIRST 3
#define FOREVER	    1000000

static const uint16_t ids[] = {0x305, 0x351};

/* The kernel: one interface and the newest socket on it. */
struct kernel {
	int no_can; /* errno of socket(PF_CAN) */
	bool may_manage;
	struct can_link_info link;
	int bitrate_error;
	int restart_error;
	int start_error;
	int start_errors; /* how often */
	int peer;	  /* the other end of the socket */
	int bound;
	uint32_t binds;
	uint32_t stops;
	uint32_t starts;
	uint32_t restarts;
	uint32_t bitrate;
	uint32_t restart_ms;
	size_t filters;
	can_err_mask_t error_mask;
	int own;
	int recv_error;
	int recv_errors; /* how often */
	int send_error;
	int send_errors;
	uint32_t sends;
	int stamp_shift_s;
};

static struct kernel kernel;
static pthread_mutex_t kernel_lock = PTHREAD_MUTEX_INITIALIZER;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
int __wrap_can_link_look(struct can_link_fds *l, const char *name, struct can_link_info *ret_info);
bool __wrap_can_link_may_manage(void);
int __wrap_can_do_stop(const char *name);
int __wrap_can_do_start(const char *name);
int __wrap_can_do_restart(const char *name);
int __wrap_can_set_bitrate(const char *name, __u32 bitrate);
int __wrap_can_set_restart_ms(const char *name, __u32 restart_ms);
int __wrap_can_set_ctrlmode(const char *name, struct can_ctrlmode *mode);

static void lock(void)
{
	(void)pthread_mutex_lock(&kernel_lock);
}

static void unlock(void)
{
	(void)pthread_mutex_unlock(&kernel_lock);
}

/* A copy to look at while the helper runs. */
static struct kernel seen(void)
{
	struct kernel copy;

	lock();
	copy = kernel;
	unlock();
	return copy;
}

/* Leave with the lock released: 0, or -1 and errno. */
static int answer(int error)
{
	unlock();
	errno = error;
	return error ? -1 : 0;
}

int __wrap_socket(int domain, int type, int protocol)
{
	int pair[2];

	if (domain != PF_CAN) {
		return __real_socket(domain, type, protocol);
	}
	lock();
	if (kernel.no_can) {
		return answer(kernel.no_can);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		return answer(errno);
	}
	if (kernel.peer >= 0) {
		(void)close(kernel.peer);
	}
	kernel.peer = pair[1];
	unlock();
	return pair[0];
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level != SOL_CAN_RAW) {
		return __real_setsockopt(fd, level, name, value, len);
	}
	lock();
	if (name == CAN_RAW_FILTER) {
		kernel.filters = len / sizeof(struct can_filter);
	} else if (name == CAN_RAW_ERR_FILTER) {
		memcpy(&kernel.error_mask, value, sizeof(kernel.error_mask));
	} else if (name == CAN_RAW_RECV_OWN_MSGS) {
		memcpy(&kernel.own, value, sizeof(kernel.own));
	} else {
		return answer(ENOPROTOOPT);
	}
	return answer(0);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_can can;

	if (address->sa_family != AF_CAN) {
		return __real_bind(fd, address, len);
	}
	memcpy(&can, address, sizeof(can));
	lock();
	kernel.bound = can.can_ifindex;
	kernel.binds++;
	return answer(can.can_ifindex == kernel.link.ifindex ? 0 : ENODEV);
}

/* As if the wall clock had been set between the frame and the look at it. */
static void shift_stamp(struct msghdr *msg, int seconds)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			t.tv_sec += seconds;
			memcpy(CMSG_DATA(c), &t, sizeof(t));
		}
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	const struct can_frame *f = msg->msg_iov[0].iov_base;
	ssize_t n;

	lock();
	if (kernel.recv_errors > 0) {
		kernel.recv_errors--;
		return answer(kernel.recv_error);
	}
	unlock();
	n = __real_recvmsg(fd, msg, flags);
	if (n == (ssize_t)sizeof(*f) && f->data[7] == OWN_MARK) {
		msg->msg_flags |= MSG_CONFIRM;
	}
	lock();
	shift_stamp(msg, kernel.stamp_shift_s);
	unlock();
	return n;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	lock();
	kernel.sends++;
	if (kernel.send_errors > 0) {
		kernel.send_errors--;
		return answer(kernel.send_error);
	}
	unlock();
	return __real_send(fd, data, len, flags);
}

int __wrap_can_link_look(struct can_link_fds *l, const char *name, struct can_link_info *ret_info)
{
	(void)l;
	assert_string_equal(name, "can0");
	lock();
	*ret_info = kernel.link;
	unlock();
	return 0;
}

bool __wrap_can_link_may_manage(void)
{
	return kernel.may_manage;
}

int __wrap_can_do_stop(const char *name)
{
	(void)name;
	lock();
	kernel.stops++;
	kernel.link.up = false;
	kernel.link.state = CAN_STATE_STOPPED;
	/* A raw socket on a link that falls reads this once. */
	kernel.recv_error = ENETDOWN;
	kernel.recv_errors = 1;
	return answer(0);
}

int __wrap_can_do_start(const char *name)
{
	(void)name;
	lock();
	kernel.starts++;
	if (kernel.start_errors > 0) {
		kernel.start_errors--;
		return answer(kernel.start_error);
	}
	kernel.link.up = true;
	kernel.link.state = CAN_STATE_ERROR_ACTIVE;
	return answer(0);
}

int __wrap_can_do_restart(const char *name)
{
	(void)name;
	lock();
	kernel.restarts++;
	if (kernel.restart_error == 0) {
		kernel.link.state = CAN_STATE_ERROR_ACTIVE;
	}
	return answer(kernel.restart_error);
}

int __wrap_can_set_bitrate(const char *name, __u32 bitrate)
{
	(void)name;
	lock();
	/* The kernel refuses this while the interface is up. */
	if (kernel.link.up) {
		return answer(EBUSY);
	}
	kernel.bitrate = bitrate;
	return answer(kernel.bitrate_error);
}

int __wrap_can_set_restart_ms(const char *name, __u32 restart_ms)
{
	(void)name;
	lock();
	kernel.restart_ms = restart_ms;
	return answer(kernel.link.up ? EBUSY : 0);
}

int __wrap_can_set_ctrlmode(const char *name, struct can_ctrlmode *mode)
{
	(void)name;
	assert_int_equal(mode->flags & mode->mask, 0);
	return 0;
}

/* --- bench --------------------------------------------------------------------------------- */

static struct can_port *port;

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.may_manage = true;
	kernel.peer = -1;
	kernel.restart_ms = 100;
	kernel.link = (struct can_link_info){
		.present = true,
		.is_can = true,
		.up = true,
		.has_state = true,
		.state = CAN_STATE_ERROR_ACTIVE,
		.ifindex = INDEX_FIRST,
	};
	port = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	can_port_stop(port);
	if (kernel.peer >= 0) {
		(void)close(kernel.peer);
	}
	return 0;
}

static int try_start(bool manage, char *err)
{
	const struct can_port_config config = {
		.interface = "can0",
		.manage = manage,
		.bitrate = BITRATE,
		.rx_ids = ids,
		.rx_ids_len = ARRAY_SIZE(ids),
		.slot_ms = 10,
	};

	return can_port_start(&port, &config, err, ERR_LEN);
}

static void start(bool manage)
{
	char err[ERR_LEN] = "";

	if (try_start(manage, err) != 0) {
		fail_msg("%s", err);
	}
	assert_non_null(port);
}

static int64_t now_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* One period of the cycle thread; returns the state of the link. */
static uint32_t period(void)
{
	const struct timespec t = {.tv_nsec = PERIOD_MS * NS_PER_MS};
	struct can_rx rx[8];

	(void)can_port_read(port, rx, ARRAY_SIZE(rx));
	can_port_service(port, now_ns());
	(void)nanosleep(&t, NULL);
	return can_port_link(port);
}

/* Run until the link is @link; returns the time it took, ms. */
static int32_t run_until(uint32_t link, int32_t limit_ms)
{
	const int64_t start_ns = now_ns();

	while (period() != link) {
		const int32_t ms = time_ms_since(now_ns(), start_ns);

		if (ms > limit_ms) {
			fail_msg("link is %u, not %u, after %d ms", can_port_link(port), link, ms);
		}
	}
	return time_ms_since(now_ns(), start_ns);
}

static struct can_stats stats(void)
{
	struct can_stats s;

	can_port_get_stats(port, &s);
	return s;
}

static int put(uint16_t id)
{
	const struct can_msg m = {.id = id, .len = 8};

	return can_port_write(port, &m, now_ns());
}

static void give(canid_t id, uint8_t mark, size_t len)
{
	const struct can_frame f = {
		.can_id = id, .can_dlc = 8, .data = {0, 0, 0, 0, 0, 0, 0, mark}};

	lock();
	assert_int_equal(__real_send(kernel.peer, &f, len, 0), len);
	unlock();
}

static void set_link(bool present, bool up, int32_t ifindex, uint32_t state)
{
	lock();
	kernel.link.present = present;
	kernel.link.up = up;
	kernel.link.ifindex = ifindex;
	kernel.link.state = state;
	unlock();
}

static void fail_recv(int error, int times)
{
	lock();
	kernel.recv_error = error;
	kernel.recv_errors = times;
	unlock();
}

static void fail_send(int error, int times)
{
	lock();
	kernel.send_error = error;
	kernel.send_errors = times;
	unlock();
}

/* --- start --------------------------------------------------------------------------------- */

static void expect_refusal(bool manage, int result, const char *remedy)
{
	char err[ERR_LEN] = "";
	const int got = try_start(manage, err);

	if (got != result || !strstr(err, remedy) || port) {
		fail_msg("%d \"%s\", wanted %d \"%s\"", got, err, result, remedy);
	}
}

static void test_kernel_without_can_is_told_with_the_module_to_load(void **state)
{
	static const int error[] = {EAFNOSUPPORT, EPROTONOSUPPORT};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(error); i++) {
		kernel.no_can = error[i];
		expect_refusal(true, -EAFNOSUPPORT, "modprobe can_raw");
		expect_refusal(false, -EAFNOSUPPORT, "unix:PATH");
	}
	kernel.no_can = EMFILE;
	expect_refusal(false, -EMFILE, "Too many open files");
}

static void test_unusable_interface_is_refused_with_a_remedy(void **state)
{
	(void)state;
	kernel.link.present = false;
	expect_refusal(true, -ENODEV, "ip -br link");
	kernel.link.present = true;
	kernel.link.is_can = false;
	expect_refusal(true, -EPFNOSUPPORT, "no CAN interface");
	kernel.link.is_can = true;
	kernel.link.up = false;
	expect_refusal(false, -ENETDOWN, "ip link set can0 up");
	kernel.link.up = true;
	kernel.may_manage = false;
	expect_refusal(true, -EPERM, "CAP_NET_ADMIN");
	assert_int_equal(seen().binds, 0);
	assert_int_equal(seen().stops, 0);
}

static void test_failures_of_the_set_up_are_told_with_a_remedy(void **state)
{
	(void)state;
	kernel.bitrate_error = EINVAL;
	expect_refusal(true, -EINVAL, "500000 bit/s");
	/* What the user had set up is not left down. */
	assert_true(seen().link.up);
	/* A capability that a sandbox has made worthless. */
	kernel.bitrate_error = EPERM;
	expect_refusal(true, -EPERM, "CAP_NET_ADMIN");
	kernel.bitrate_error = 0;
	kernel.start_error = EIO;
	kernel.start_errors = FOREVER;
	expect_refusal(true, -EIO, "cannot be set up");
	assert_in_range(seen().starts, 3, 20);
}

static void test_driver_that_is_not_ready_yet_is_asked_again(void **state)
{
	static const int errors[] = {ETIMEDOUT, EBUSY, EIO};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		kernel.start_error = errors[i];
		kernel.start_errors = 2;
		start(true);
		assert_int_equal(seen().start_errors, 0);
		assert_true(seen().link.up);
		assert_int_equal(seen().bound, INDEX_FIRST);
		(void)run_until(CAN_LINK_UP, 1000);
		can_port_stop(port);
		port = NULL;
	}
}

static void test_managed_interface_is_set_up_and_opened(void **state)
{
	(void)state;
	start(true);
	assert_int_equal(seen().stops, 1);
	assert_int_equal(seen().starts, 1);
	assert_int_equal(seen().bitrate, BITRATE);
	assert_int_equal(seen().restart_ms, 0);
	assert_int_equal(seen().bound, INDEX_FIRST);
	assert_int_equal(seen().filters, ARRAY_SIZE(ids));
	assert_int_equal(seen().error_mask, CAN_ERR_TX_TIMEOUT | CAN_ERR_CRTL | CAN_ERR_ACK |
						    CAN_ERR_BUSOFF | CAN_ERR_RESTARTED);
	assert_int_equal(seen().own, 1);
	assert_int_equal(can_port_link(port), CAN_LINK_UP);
	assert_null(can_port_note(port));
}

static void test_unmanaged_interface_is_opened_and_never_changed(void **state)
{
	(void)state;
	start(false);
	can_port_flush(port);
	set_link(true, true, INDEX_FIRST, CAN_STATE_BUS_OFF);
	(void)run_until(CAN_LINK_BUS_OFF, 1000);
	for (int i = 0; i < 100; i++) {
		(void)period();
	}
	assert_int_equal(seen().stops + seen().starts + seen().restarts + seen().bitrate, 0);
	assert_int_equal(stats().flush_refused, 1);
	assert_int_equal(stats().restarts, 0);
}

static void test_interface_without_bit_rate_is_only_taken_up_and_down(void **state)
{
	(void)state;
	/* slcan: a controller state, but the bit rate belongs to slcand. */
	kernel.bitrate_error = EOPNOTSUPP;
	start(true);
	assert_non_null(can_port_note(port));
	assert_non_null(strstr(can_port_note(port), "no bit rate"));
	can_port_stop(port);
	port = NULL;
	/* vcan */
	kernel.bitrate_error = EIO;
	kernel.link.is_virtual = true;
	kernel.link.has_state = false;
	start(true);
	assert_non_null(can_port_note(port));
	assert_int_equal(seen().starts, 2);
}

/* --- frames -------------------------------------------------------------------------------- */

static void test_own_frames_are_told_from_those_of_others(void **state)
{
	struct can_rx rx[4];

	(void)state;
	start(false);
	give(0x351, OWN_MARK, sizeof(struct can_frame));
	give(0x351, 0, sizeof(struct can_frame));
	give(0x305, 0, sizeof(struct can_frame) - 1U); /* nothing that the kernel would send */
	give(0x305, 0, sizeof(struct can_frame));
	assert_int_equal(can_port_read(port, rx, ARRAY_SIZE(rx)), 3);
	assert_int_equal(rx[0].origin, CAN_OWN);
	assert_int_equal(rx[1].origin, CAN_FROM_BUS);
	assert_int_equal(rx[2].msg.id, 0x305);
}

static void set_stamp_shift(int seconds)
{
	lock();
	kernel.stamp_shift_s = seconds;
	unlock();
}

static void test_time_of_a_frame_is_the_kernels_unless_the_wall_clock_was_set(void **state)
{
	static const int shifts[] = {0, -3600, 3600, -2, 1};
	struct can_rx rx[4];

	(void)state;
	start(false);
	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		set_stamp_shift(shifts[i]);

		const int64_t before_ns = now_ns();

		give(0x305, 0, sizeof(struct can_frame));

		const int64_t given_ns = now_ns();

		(void)poll(NULL, 0, 30);

		const int64_t read_ns = now_ns();

		assert_int_equal(can_port_read(port, rx, ARRAY_SIZE(rx)), 1);

		const int64_t t_ns = can_port_rx_ns(port, 0, read_ns);

		if (shifts[i] == 0) {
			assert_in_range(t_ns, before_ns - NS_PER_MS, given_ns + NS_PER_MS);
		} else {
			assert_int_equal(t_ns, read_ns);
		}
	}
	/* one that was not read */
	assert_int_equal(can_port_rx_ns(port, CYCLE_CAN_RX_MAX, 4711), 4711);
	assert_int_equal(can_port_rx_ns(port, 1, 4711), 4711);
}

static void test_FLT_51_interrupted_calls_are_repeated_once(void **state)
{
	struct can_rx rx[4];

	(void)state;
	start(false);
	give(0x305, 0, sizeof(struct can_frame));
	fail_recv(EINTR, 1);
	assert_int_equal(can_port_read(port, rx, ARRAY_SIZE(rx)), 1);
	fail_send(EINTR, 1);
	assert_int_equal(put(0x351), 0);
	fail_recv(EINTR, FOREVER);
	fail_send(EINTR, FOREVER);
	assert_int_equal(can_port_read(port, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(put(0x351), -EAGAIN);
	assert_true(seen().recv_errors >= FOREVER - 2 * (int)CAN_PORT_RECV_MAX);
	fail_recv(0, 0);
	fail_send(0, 0);
	assert_int_equal(can_port_link(port), CAN_LINK_UP);
}

static void test_FLT_51_unknown_error_for_ever_is_survived(void **state)
{
	(void)state;
	start(false);
	fail_recv(EIO, FOREVER);
	fail_send(EIO, FOREVER);
	for (int i = 0; i < 60; i++) {
		assert_true(put(0x351) < 0);
		(void)period();
	}
	assert_true(seen().recv_errors > FOREVER - 1000);
	fail_recv(0, 0);
	fail_send(0, 0);
	(void)run_until(CAN_LINK_UP, 2000);
	assert_int_equal(put(0x351), 0);
}

static void test_FLT_20_full_queue_is_no_fault_of_the_link(void **state)
{
	static const int error[] = {ENOBUFS, EAGAIN};

	(void)state;
	start(false);
	for (size_t i = 0; i < ARRAY_SIZE(error); i++) {
		fail_send(error[i], 1);
		assert_int_equal(put(0x351), -EAGAIN);
		can_port_service(port, now_ns());
		assert_int_equal(can_port_link(port), CAN_LINK_UP);
	}
	assert_int_equal(stats().tx, 2);
	assert_int_equal(stats().tx_full, 2);
	assert_int_equal(stats().tx_dropped, 0);
	assert_int_equal(seen().binds, 1);
}

/* --- helper -------------------------------------------------------------------------------- */

static void test_FLT_18_interface_taken_down_is_seen_and_used_again(void **state)
{
	(void)state;
	start(false);
	set_link(true, false, INDEX_FIRST, CAN_STATE_STOPPED);
	fail_recv(ENETDOWN, 1);
	fail_send(ENETDOWN, FOREVER);
	assert_int_equal(put(0x351), -ENETDOWN);
	(void)run_until(CAN_LINK_DOWN, 500);
	fail_send(0, 0);
	set_link(true, true, INDEX_FIRST, CAN_STATE_ERROR_ACTIVE);
	(void)run_until(CAN_LINK_UP, 1000);
	assert_int_equal(put(0x351), 0);
	/* The same socket goes on. */
	assert_int_equal(seen().binds, 1);
	assert_int_equal(stats().reopens, 0);
}

static void test_FLT_18_managed_interface_is_taken_up_again(void **state)
{
	const int64_t start_ns = now_ns();

	(void)state;
	start(true);
	set_link(true, false, INDEX_FIRST, CAN_STATE_STOPPED);
	while (seen().starts < 2 && time_ms_since(now_ns(), start_ns) < 2000) {
		(void)period();
	}
	assert_int_equal(seen().starts, 2);
	(void)run_until(CAN_LINK_UP, 1000);
}

static void test_FLT_19_removed_interface_is_bound_anew_by_its_name(void **state)
{
	(void)state;
	start(true);
	set_link(false, false, 0, 0);
	fail_recv(ENODEV, 1);
	(void)run_until(CAN_LINK_ABSENT, 500);
	assert_int_equal(put(0x351), -ENODEV);
	set_link(true, false, INDEX_FIRST + 1, CAN_STATE_STOPPED);
	assert_in_range(run_until(CAN_LINK_UP, 2000), 0, 2000);
	assert_int_equal(seen().bound, INDEX_FIRST + 1);
	assert_int_equal(seen().bitrate, BITRATE);
	assert_int_equal(put(0x351), 0);
	assert_int_equal(stats().reopens, 1);
}

static void test_FLT_19_swap_of_the_interface_without_any_error_is_noticed(void **state)
{
	(void)state;
	start(false);
	set_link(true, true, INDEX_FIRST + 5, CAN_STATE_ERROR_ACTIVE);
	for (int i = 0; i < 400 && stats().reopens == 0; i++) {
		(void)period();
	}
	assert_int_equal(stats().reopens, 1);
	assert_int_equal(seen().bound, INDEX_FIRST + 5);
	assert_int_equal(run_until(CAN_LINK_UP, 1000) <= 1000, true);
}

static void test_FLT_23_bus_off_is_counted_flagged_and_left_within_a_second(void **state)
{
	const int64_t start_ns = now_ns();
	struct can_error e;
	bool told = false;

	(void)state;
	start(true);
	set_link(true, true, INDEX_FIRST, CAN_STATE_BUS_OFF);
	give(0x20000040, 0, sizeof(struct can_frame));
	assert_int_equal(period(), CAN_LINK_BUS_OFF);
	assert_true(can_port_error(port, &e));
	assert_int_equal(e.error_class, CAN_ERR_BUSOFF);
	assert_int_equal(e.restart, 0);
	while (!told && time_ms_since(now_ns(), start_ns) < 5000) {
		(void)period();
		told = can_port_error(port, &e);
	}
	assert_true(told);
	assert_int_equal(e.restart, 1);
	assert_true(time_ms_since(now_ns(), start_ns) <= 1000);
	(void)run_until(CAN_LINK_UP, 1000);
	assert_int_equal(seen().restarts, 1);
	assert_int_equal(stats().restarts, 1);
	assert_int_equal(seen().stops, 1);
}

static void test_FLT_23_driver_without_restart_is_taken_down_and_up(void **state)
{
	(void)state;
	kernel.restart_error = EOPNOTSUPP;
	start(true);
	set_link(true, true, INDEX_FIRST, CAN_STATE_BUS_OFF);
	give(0x20000040, 0, sizeof(struct can_frame));
	assert_int_equal(period(), CAN_LINK_BUS_OFF);
	(void)run_until(CAN_LINK_UP, 1000);
	assert_int_equal(seen().restarts, 1);
	assert_int_equal(seen().stops, 2);
	assert_int_equal(seen().starts, 2);
}

static void test_FLT_23_virtual_bus_is_restarted_on_the_word_of_an_error_frame(void **state)
{
	(void)state;
	kernel.link.is_virtual = true;
	kernel.link.has_state = false;
	start(true);
	give(0x20000040, 0, sizeof(struct can_frame));
	assert_int_equal(period(), CAN_LINK_BUS_OFF);
	(void)run_until(CAN_LINK_UP, 1000);
	assert_int_equal(seen().restarts, 0);
	assert_int_equal(seen().starts, 2);
	assert_int_equal(stats().restarts, 1);
}

static void test_SAF_17_flush_bounces_the_interface_and_shows_no_fallen_link(void **state)
{
	const int64_t start_ns = now_ns();

	(void)state;
	start(true);
	(void)run_until(CAN_LINK_UP, 100);
	can_port_flush(port);
	while (stats().flushes == 0 && time_ms_since(now_ns(), start_ns) < 2000) {
		assert_int_equal(period(), CAN_LINK_UP);
	}
	assert_int_equal(stats().flushes, 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(period(), CAN_LINK_UP);
	}
	assert_int_equal(seen().stops, 2);
	assert_int_equal(seen().starts, 2);
	assert_int_equal(seen().binds, 1);
	assert_int_equal(put(0x351), 0);
}

static void test_failed_flush_is_counted_and_the_interface_taken_up_again(void **state)
{
	(void)state;
	start(true);
	lock();
	kernel.start_error = EIO;
	kernel.start_errors = FOREVER;
	unlock();
	can_port_flush(port);
	(void)run_until(CAN_LINK_DOWN, 1000);
	assert_int_equal(stats().flush_refused, 1);
	lock();
	kernel.start_errors = 0;
	unlock();
	(void)run_until(CAN_LINK_UP, 5000);
}

#define KERNEL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest test[] = {
		KERNEL_TEST(test_kernel_without_can_is_told_with_the_module_to_load),
		KERNEL_TEST(test_unusable_interface_is_refused_with_a_remedy),
		KERNEL_TEST(test_failures_of_the_set_up_are_told_with_a_remedy),
		KERNEL_TEST(test_driver_that_is_not_ready_yet_is_asked_again),
		KERNEL_TEST(test_managed_interface_is_set_up_and_opened),
		KERNEL_TEST(test_unmanaged_interface_is_opened_and_never_changed),
		KERNEL_TEST(test_interface_without_bit_rate_is_only_taken_up_and_down),
		KERNEL_TEST(test_own_frames_are_told_from_those_of_others),
		KERNEL_TEST(test_time_of_a_frame_is_the_kernels_unless_the_wall_clock_was_set),
		KERNEL_TEST(test_FLT_51_interrupted_calls_are_repeated_once),
		KERNEL_TEST(test_FLT_51_unknown_error_for_ever_is_survived),
		KERNEL_TEST(test_FLT_20_full_queue_is_no_fault_of_the_link),
		KERNEL_TEST(test_FLT_18_interface_taken_down_is_seen_and_used_again),
		KERNEL_TEST(test_FLT_18_managed_interface_is_taken_up_again),
		KERNEL_TEST(test_FLT_19_removed_interface_is_bound_anew_by_its_name),
		KERNEL_TEST(test_FLT_19_swap_of_the_interface_without_any_error_is_noticed),
		KERNEL_TEST(test_FLT_23_bus_off_is_counted_flagged_and_left_within_a_second),
		KERNEL_TEST(test_FLT_23_driver_without_restart_is_taken_down_and_up),
		KERNEL_TEST(test_FLT_23_virtual_bus_is_restarted_on_the_word_of_an_error_frame),
		KERNEL_TEST(test_SAF_17_flush_bounces_the_interface_and_shows_no_fallen_link),
		KERNEL_TEST(test_failed_flush_is_counted_and_the_interface_taken_up_again),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
