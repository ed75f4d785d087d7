/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at network interfaces, and the state machine that manages them. */
#include "can_link.h"
#include "can_manager.h"

#include "base/units.h"
#include "core/telemetry.h"

#include <errno.h>
#include <linux/can/netlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>
#include <cmocka.h>

#define MESSAGE_MAX 512U
#define SEQ	    7U
#define MS	    NS_PER_MS

/* A netlink answer under construction. */
struct message {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
};

static void put(struct message *m, const void *data, size_t len)
{
	assert_true(m->len + NLMSG_ALIGN(len) <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, len);
	m->len += NLMSG_ALIGN(len);
}

static size_t attribute_begin(struct message *m, uint16_t type)
{
	const size_t at = m->len;
	const struct rtattr a = {.rta_len = sizeof(a), .rta_type = type};

	put(m, &a, sizeof(a));
	return at;
}

static void attribute_end(struct message *m, size_t at)
{
	struct rtattr a;

	memcpy(&a, m->bytes + at, sizeof(a));
	a.rta_len = (uint16_t)(m->len - at);
	memcpy(m->bytes + at, &a, sizeof(a));
}

static void attribute(struct message *m, uint16_t type, const void *data, size_t len)
{
	const struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};

	put(m, &a, sizeof(a));
	put(m, data, len);
}

static void finish(struct message *m, size_t at)
{
	struct nlmsghdr h;

	memcpy(&h, m->bytes + at, sizeof(h));
	h.nlmsg_len = (uint32_t)(m->len - at);
	memcpy(m->bytes + at, &h, sizeof(h));
}

/* What the kernel says about an interface of @kind; @state < 0: no controller state. */
static void link_answer(struct message *m, uint32_t seq, uint16_t arp_type, unsigned int flags,
			const char *kind, int state)
{
	const size_t start = m->len;
	const struct nlmsghdr h = {.nlmsg_type = RTM_NEWLINK, .nlmsg_seq = seq};
	const struct ifinfomsg i = {.ifi_type = arp_type, .ifi_index = 3, .ifi_flags = flags};
	const uint32_t restart_ms = 100;
	size_t info;
	size_t data;

	put(m, &h, sizeof(h));
	put(m, &i, sizeof(i));
	attribute(m, IFLA_IFNAME, "can0", sizeof("can0"));
	if (kind) {
		info = attribute_begin(m, IFLA_LINKINFO);
		attribute(m, IFLA_INFO_KIND, kind, strlen(kind) + 1);
		data = attribute_begin(m, IFLA_INFO_DATA | NLA_F_NESTED);
		attribute(m, IFLA_CAN_RESTART_MS, &restart_ms, sizeof(restart_ms));
		if (state >= 0) {
			attribute(m, IFLA_CAN_STATE, &state, sizeof(state));
		}
		attribute_end(m, data);
		attribute_end(m, info);
	}
	finish(m, start);
}

static void test_answers_of_the_kernel_are_read(void **state)
{
	static const struct {
		uint16_t arp_type;
		unsigned int flags;
		const char *kind;
		int can_state;
		struct can_link_info info;
		uint32_t link;
	} row[] = {
		{ARPHRD_CAN,
		 IFF_UP,
		 "can",
		 CAN_STATE_ERROR_ACTIVE,
		 {true, true, true, false, true, CAN_STATE_ERROR_ACTIVE, 3},
		 CAN_LINK_UP},
		{ARPHRD_CAN,
		 IFF_UP,
		 "can",
		 CAN_STATE_ERROR_WARNING,
		 {true, true, true, false, true, CAN_STATE_ERROR_WARNING, 3},
		 CAN_LINK_WARNING},
		{ARPHRD_CAN,
		 IFF_UP,
		 "can",
		 CAN_STATE_ERROR_PASSIVE,
		 {true, true, true, false, true, CAN_STATE_ERROR_PASSIVE, 3},
		 CAN_LINK_PASSIVE},
		{ARPHRD_CAN,
		 IFF_UP,
		 "can",
		 CAN_STATE_BUS_OFF,
		 {true, true, true, false, true, CAN_STATE_BUS_OFF, 3},
		 CAN_LINK_BUS_OFF},
		{ARPHRD_CAN,
		 IFF_UP,
		 "can",
		 CAN_STATE_STOPPED,
		 {true, true, true, false, true, CAN_STATE_STOPPED, 3},
		 CAN_LINK_DOWN},
		{ARPHRD_CAN,
		 0,
		 "can",
		 CAN_STATE_STOPPED,
		 {true, true, false, false, true, CAN_STATE_STOPPED, 3},
		 CAN_LINK_DOWN},
		{ARPHRD_CAN,
		 IFF_UP,
		 "vcan",
		 -1,
		 {true, true, true, true, false, 0, 3},
		 CAN_LINK_UP},
		{ARPHRD_CAN,
		 IFF_UP,
		 "vxcan",
		 CAN_STATE_BUS_OFF,
		 {true, true, true, true, false, 0, 3},
		 CAN_LINK_UP},
		/* An old slcan has no link information at all. */
		{ARPHRD_CAN, IFF_UP, NULL, -1, {true, true, true, false, false, 0, 3}, CAN_LINK_UP},
		{ARPHRD_ETHER,
		 IFF_UP,
		 "bridge",
		 CAN_STATE_BUS_OFF,
		 {true, false, true, false, false, 0, 3},
		 CAN_LINK_ABSENT},
		{ARPHRD_LOOPBACK,
		 IFF_UP,
		 NULL,
		 -1,
		 {true, false, true, false, false, 0, 3},
		 CAN_LINK_ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_link_info *want = &row[i].info;
		struct message m = {.len = 0};
		struct can_link_info got;

		/* An older answer in front, as after a time-out. */
		link_answer(&m, SEQ - 1U, ARPHRD_CAN, 0, "can", CAN_STATE_BUS_OFF);
		link_answer(&m, SEQ, row[i].arp_type, row[i].flags, row[i].kind, row[i].can_state);
		assert_int_equal(can_link_parse(m.bytes, m.len, SEQ, &got), 0);
		if (got.present != want->present || got.is_can != want->is_can ||
		    got.up != want->up || got.is_virtual != want->is_virtual ||
		    got.has_state != want->has_state || got.state != want->state ||
		    got.ifindex != want->ifindex || can_manager_link(&got) != row[i].link) {
			fail_msg("row %zu", i);
		}
	}
}

static void error_answer(struct message *m, int error)
{
	const struct nlmsghdr h = {.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = SEQ};
	const struct nlmsgerr e = {.error = error};

	put(m, &h, sizeof(h));
	put(m, &e, sizeof(e));
	finish(m, 0);
}

static void test_missing_interface_is_no_failure_other_errors_are(void **state)
{
	struct message m = {.len = 0};
	struct can_link_info info = {.present = true, .ifindex = 9};

	(void)state;
	error_answer(&m, -ENODEV);
	assert_int_equal(can_link_parse(m.bytes, m.len, SEQ, &info), 0);
	assert_false(info.present);
	assert_int_equal(can_manager_link(&info), CAN_LINK_ABSENT);
	info.ifindex = 9;
	m.len = 0;
	error_answer(&m, -EPERM);
	assert_int_equal(can_link_parse(m.bytes, m.len, SEQ, &info), -EPERM);
	m.len = 0;
	error_answer(&m, 0);
	assert_int_equal(can_link_parse(m.bytes, m.len, SEQ, &info), -EBADMSG);
	assert_int_equal(info.ifindex, 9);
}

/* The copies are exactly as long as told: a sanitizer sees a byte read too much. */
static void test_answer_cut_anywhere_is_never_read_beyond_its_end(void **state)
{
	struct message m = {.len = 0};
	int good = 0;

	(void)state;
	link_answer(&m, SEQ, ARPHRD_CAN, IFF_UP, "can", CAN_STATE_BUS_OFF);
	for (size_t len = 0; len <= m.len; len++) {
		uint8_t *copy = malloc(len + 1U);
		struct can_link_info info;

		assert_non_null(copy);
		memcpy(copy, m.bytes, len);
		copy = realloc(copy, len ? len : 1U);
		assert_non_null(copy);
		good += can_link_parse(copy, len, SEQ, &info) == 0 ? 1 : 0;
		free(copy);
	}
	assert_int_equal(good, 1);
}

static void test_answer_with_any_byte_changed_is_survived(void **state)
{
	struct message m = {.len = 0};

	(void)state;
	link_answer(&m, SEQ, ARPHRD_CAN, IFF_UP, "can", CAN_STATE_BUS_OFF);
	for (size_t at = 0; at < m.len; at++) {
		for (unsigned int v = 0; v < 256; v++) {
			uint8_t *copy = malloc(m.len);
			struct can_link_info info = {.state = 0};
			int result;

			assert_non_null(copy);
			memcpy(copy, m.bytes, m.len);
			copy[at] = (uint8_t)v;
			result = can_link_parse(copy, m.len, SEQ, &info);
			assert_true(result <= 0);
			assert_in_range(can_manager_link(&info), 0, CAN_LINKS - 1);
			free(copy);
		}
	}
}

static void test_netlink_and_ioctl_see_the_same_loopback_interface(void **state)
{
	static const char *const name[] = {"lo", "jkpnone0"};
	struct can_link_fds l;

	(void)state;
	can_link_init(&l);
	assert_int_equal(can_link_open(&l), 0);
	assert_true(l.netlink_fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		struct can_link_fds without = {.netlink_fd = -1, .ioctl_fd = l.ioctl_fd};
		struct can_link_info a;
		struct can_link_info b;

		assert_int_equal(can_link_look(&l, name[i], &a), 0);
		assert_int_equal(can_link_look(&without, name[i], &b), 0);
		assert_int_equal(a.present, i == 0);
		assert_int_equal(b.present, a.present);
		assert_int_equal(b.ifindex, a.ifindex);
		assert_int_equal(b.up, a.up);
		assert_false(a.is_can);
		assert_false(b.is_can);
		assert_int_equal(a.ifindex, (int)if_nametoindex(name[i]));
	}
	can_link_close(&l);
	can_link_close(&l);
}

/* In a process of its own: a stream is oriented once and for all. */
static int errno_after_perror_on_a_pipe(void)
{
	struct can_link_fds l;
	int fd[2];

	if (pipe(fd) < 0 || dup2(fd[1], STDERR_FILENO) < 0 || !freopen("/dev/fd/2", "w", stderr) ||
	    fwide(stderr, 0) != 0) {
		return -1;
	}
	can_link_init(&l);
	if (can_link_open(&l) < 0) {
		return -1;
	}
	errno = ETIMEDOUT;
	perror("as libsocketcan");
	return errno;
}

static void test_error_of_the_kernel_survives_what_libsocketcan_prints(void **state)
{
	const pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		_exit(errno_after_perror_on_a_pipe());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ETIMEDOUT);
}

static void test_name_that_is_too_long_is_refused(void **state)
{
	struct can_link_fds l;
	struct can_link_info info;

	(void)state;
	can_link_init(&l);
	assert_int_equal(can_link_look(&l, "sixteencharacter", &info), -ENAMETOOLONG);
}

/* --- state machine ------------------------------------------------------------------------- */

struct play {
	struct can_manager m;
	struct can_manager_in in;
};

static void play_init(struct play *p, bool manage)
{
	memset(p, 0, sizeof(*p));
	can_manager_init(&p->m, manage);
	p->in.now_ns = 1000 * NS_PER_S;
	p->in.link = (struct can_link_info){
		.present = true, .is_can = true, .up = true, .has_state = true, .ifindex = 3};
	p->in.slot_empty = true;
}

/* One step whose action succeeds (or fails with @result). */
static enum can_action play_step(struct play *p, int result)
{
	const enum can_action action = can_manager_step(&p->m, &p->in);

	can_manager_done(&p->m, action, &p->in, result);
	if (action == CAN_ACTION_OPEN && result == 0) {
		p->in.slot_empty = false;
	}
	return action;
}

static void test_unmanaged_interface_is_only_opened(void **state)
{
	struct play p;

	(void)state;
	play_init(&p, false);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	p.in.flushes = 3;
	p.in.link.up = false;
	p.in.bus_off = true;
	for (int i = 0; i < 100; i++) {
		p.in.now_ns += NS_PER_S;
		p.in.link.state = i % 2 ? CAN_STATE_BUS_OFF : CAN_STATE_ERROR_ACTIVE;
		assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	}
}

static void test_managed_interface_is_set_up_even_if_it_is_up_already(void **state)
{
	struct play p;

	(void)state;
	play_init(&p, true);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_CONFIGURE);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
}

static void test_failed_set_up_is_repeated_with_growing_delay(void **state)
{
	struct play p;
	int64_t last_ns = 0;
	int64_t gap_ns = 0;
	int attempts = 0;

	(void)state;
	play_init(&p, true);
	p.in.link.up = false;
	for (int i = 0; i < 600; i++) {
		if (play_step(&p, -EIO) == CAN_ACTION_CONFIGURE) {
			if (attempts > 1) {
				assert_true(p.in.now_ns - last_ns >= gap_ns);
			}
			gap_ns = attempts > 0 ? p.in.now_ns - last_ns : 0;
			last_ns = p.in.now_ns;
			attempts++;
		}
		p.in.now_ns += 100 * MS;
	}
	/* 60 s: 0.25, 0.5, 1, 2, 4, 5, 5 ... */
	assert_in_range(attempts, 10, 17);
	assert_true(gap_ns >= CAN_MANAGER_RETRY_MAX_NS && gap_ns < 6 * NS_PER_S);
}

static void test_FLT_18_managed_interface_found_down_is_set_up_again(void **state)
{
	struct play p;

	(void)state;
	play_init(&p, true);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_CONFIGURE);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	p.in.now_ns += 10 * NS_PER_S;
	p.in.link.up = false;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_CONFIGURE);
	/* The same socket goes on. */
	p.in.link.up = true;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
}

static void test_FLT_19_recreated_interface_gets_a_new_socket(void **state)
{
	struct play p;

	(void)state;
	play_init(&p, true);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_CONFIGURE);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	p.in.link.present = false;
	p.in.now_ns += 250 * MS;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_RELEASE);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_RELEASE);
	p.in.slot_empty = true;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	p.in.link.present = true;
	p.in.link.ifindex = 4;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_CONFIGURE);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
}

static void test_FLT_19_index_changed_between_two_looks_is_noticed(void **state)
{
	struct play p;

	(void)state;
	play_init(&p, false);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	p.in.link.ifindex = 4;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_RELEASE);
	p.in.slot_empty = true;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	/* The cycle thread gave the socket up by itself (ENODEV), the index is the same. */
	p.in.slot_empty = true;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_OPEN);
}

static void managed(struct play *p)
{
	play_init(p, true);
	assert_int_equal(play_step(p, 0), CAN_ACTION_CONFIGURE);
	assert_int_equal(play_step(p, 0), CAN_ACTION_OPEN);
}

static void test_FLT_23_bus_off_is_left_with_growing_delay(void **state)
{
	static const int64_t gap_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct play p;
	int64_t last_ns;
	size_t n = 0;

	(void)state;
	managed(&p);
	p.in.link.state = CAN_STATE_BUS_OFF;
	last_ns = p.in.now_ns;
	for (int i = 0; i < 2500 && n < ARRAY_SIZE(gap_ms); i++) {
		if (play_step(&p, 0) == CAN_ACTION_RESTART) {
			assert_int_equal((p.in.now_ns - last_ns) / MS, gap_ms[n]);
			last_ns = p.in.now_ns;
			n++;
		}
		p.in.now_ns += 10 * MS;
	}
	assert_int_equal(n, ARRAY_SIZE(gap_ms));
}

static int64_t first_restart_ms(struct play *p)
{
	const int64_t start_ns = p->in.now_ns;

	for (int i = 0; i < 1000; i++) {
		if (play_step(p, 0) == CAN_ACTION_RESTART) {
			return (p->in.now_ns - start_ns) / MS;
		}
		p->in.now_ns += 10 * MS;
	}
	return -1;
}

static void test_FLT_23_first_attempt_is_quick_again_after_a_calm_time(void **state)
{
	struct play p;

	(void)state;
	managed(&p);
	p.in.link.state = CAN_STATE_BUS_OFF;
	assert_int_equal(first_restart_ms(&p), 100);
	p.in.link.state = CAN_STATE_ERROR_ACTIVE;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	/* Bus-off again at once: a short circuit is not hammered. */
	p.in.now_ns += NS_PER_S;
	p.in.link.state = CAN_STATE_BUS_OFF;
	assert_int_equal(first_restart_ms(&p), 200);
	p.in.link.state = CAN_STATE_ERROR_ACTIVE;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	p.in.now_ns += CAN_MANAGER_CALM_NS;
	p.in.link.state = CAN_STATE_BUS_OFF;
	assert_int_equal(first_restart_ms(&p), 100);
}

static void test_error_frame_alone_restarts_only_where_the_kernel_knows_no_state(void **state)
{
	struct play p;

	(void)state;
	managed(&p);
	p.in.bus_off = true;
	assert_int_equal(first_restart_ms(&p), -1);
	p.in.link.has_state = false;
	assert_int_equal(first_restart_ms(&p), 100);
}

static void test_FLT_22_flush_is_done_once_per_wish_and_not_more_than_once_a_second(void **state)
{
	struct play p;
	int flushes = 0;

	(void)state;
	managed(&p);
	p.in.flushes = 1;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_FLUSH);
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
	for (int i = 0; i < 100; i++) {
		p.in.now_ns += 100 * MS;
		p.in.flushes++;
		flushes += play_step(&p, 0) == CAN_ACTION_FLUSH ? 1 : 0;
	}
	assert_in_range(flushes, 9, 11);
	/* A failed one is not repeated: it would come too late. */
	p.in.now_ns += 2 * NS_PER_S;
	p.in.flushes++;
	assert_int_equal(play_step(&p, -EIO), CAN_ACTION_FLUSH);
	p.in.now_ns += 2 * NS_PER_S;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_NONE);
}

static void test_interface_that_is_no_can_interface_any_more_is_let_go(void **state)
{
	struct play p;

	(void)state;
	managed(&p);
	p.in.link.is_can = false;
	assert_int_equal(play_step(&p, 0), CAN_ACTION_RELEASE);
	assert_int_equal(can_manager_link(&p.in.link), CAN_LINK_ABSENT);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_answers_of_the_kernel_are_read),
		cmocka_unit_test(test_missing_interface_is_no_failure_other_errors_are),
		cmocka_unit_test(test_answer_cut_anywhere_is_never_read_beyond_its_end),
		cmocka_unit_test(test_answer_with_any_byte_changed_is_survived),
		cmocka_unit_test(test_netlink_and_ioctl_see_the_same_loopback_interface),
		cmocka_unit_test(test_error_of_the_kernel_survives_what_libsocketcan_prints),
		cmocka_unit_test(test_name_that_is_too_long_is_refused),
		cmocka_unit_test(test_unmanaged_interface_is_only_opened),
		cmocka_unit_test(test_managed_interface_is_set_up_even_if_it_is_up_already),
		cmocka_unit_test(test_failed_set_up_is_repeated_with_growing_delay),
		cmocka_unit_test(test_FLT_18_managed_interface_found_down_is_set_up_again),
		cmocka_unit_test(test_FLT_19_recreated_interface_gets_a_new_socket),
		cmocka_unit_test(test_FLT_19_index_changed_between_two_looks_is_noticed),
		cmocka_unit_test(test_FLT_23_bus_off_is_left_with_growing_delay),
		cmocka_unit_test(test_FLT_23_first_attempt_is_quick_again_after_a_calm_time),
		cmocka_unit_test(
			test_error_frame_alone_restarts_only_where_the_kernel_knows_no_state),
		cmocka_unit_test(
			test_FLT_22_flush_is_done_once_per_wish_and_not_more_than_once_a_second),
		cmocka_unit_test(test_interface_that_is_no_can_interface_any_more_is_let_go),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
