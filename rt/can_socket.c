/* SPDX-License-Identifier: Apache-2.0 */
/* CAN port on SocketCAN. */
#include "can_socket.h"

#include "base/remedy.h"
#include "base/time.h"
#include "core/telemetry.h"

#include <errno.h>
#include <linux/can/raw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define START_WAIT_NS (5 * NS_PER_S)
#define ATTEMPTS      2 /* one repetition after EINTR */
#define PRIORITY      6 /* the highest that needs no privilege: first band of the queue */

/*
 * The kernel raises this to its minimum, room for about six frames: what waits in a queue is stale
 * by the time it leaves, so no more than one set of frames may wait.
 */
#define SEND_BUFFER 2048

/*
 * A system call failed because of the interface. That is not yet a link that is down: the helper
 * takes it down for a moment to flush it. It looks within its next tick, and what it sees counts.
 */
static void ask_for_look(struct can_port *p)
{
	atomic_store_explicit(&p->look, 1U, memory_order_relaxed);
}

static enum can_recv recv_error(struct can_port *p)
{
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return CAN_RECV_NONE;
	case ENETDOWN:
		/* Told once per fall; frames received before may follow. */
		ask_for_look(p);
		return CAN_RECV_AGAIN;
	default:
		/* ENODEV: the interface is gone. The helper makes a new socket when it is back. */
		ask_for_look(p);
		handoff_give_up(&p->socket.fd);
		return CAN_RECV_NONE;
	}
}

/* When the kernel took the frame from the driver, 0 = not told. */
static int64_t stamp_of(struct msghdr *msg)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
		    c->cmsg_len == CMSG_LEN(sizeof(t))) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
		}
	}
	return 0;
}

static enum can_recv socket_recv(struct can_port *p, struct can_frame *ret_frame,
				 enum can_origin *ret_origin)
{
	const int fd = handoff_get(&p->socket.fd);
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = {.iov_base = ret_frame, .iov_len = sizeof(*ret_frame)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = -1;

	if (fd < 0) {
		return CAN_RECV_NONE;
	}
	memset(ret_frame, 0, sizeof(*ret_frame));
	for (int i = 0; i < ATTEMPTS && p->budget > 0; i++) {
		p->budget--;
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	if (n < 0) {
		return recv_error(p);
	}
	if ((size_t)n != sizeof(*ret_frame)) {
		return CAN_RECV_AGAIN;
	}
	p->stamp_ns = stamp_of(&msg);
	*ret_origin = (msg.msg_flags & MSG_CONFIRM) != 0 ? CAN_OWN : CAN_FROM_BUS;
	return CAN_RECV_FRAME;
}

static int socket_send(struct can_port *p, const struct can_frame *f)
{
	const int fd = handoff_get(&p->socket.fd);
	ssize_t n = -1;

	if (fd < 0) {
		return -ENODEV;
	}
	for (int i = 0; i < ATTEMPTS; i++) {
		n = send(fd, f, sizeof(*f), MSG_DONTWAIT);
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	if (n >= 0) {
		return 0;
	}
	switch (errno) {
	case ENOBUFS:
	case EAGAIN:
	case EINTR:
		return -EAGAIN;
	case ENODEV:
	case ENXIO:
		ask_for_look(p);
		handoff_give_up(&p->socket.fd);
		return -ENODEV;
	default:
		ask_for_look(p);
		return -ENETDOWN;
	}
}

static bool socket_is_open(const struct can_port *p)
{
	return handoff_is_held(&p->socket.fd);
}

static int set_options(const struct can_port *p, int fd)
{
	const can_err_mask_t errors = can_frame_error_mask();
	const int on = 1;
	const int buffer = SEND_BUFFER;
	const int priority = PRIORITY;
	struct can_filter filter[CAN_PORT_RX_IDS_MAX];
	const socklen_t filter_len = (socklen_t)(p->rx_ids_len * sizeof(filter[0]));

	can_frame_filters(p->rx_ids, p->rx_ids_len, filter);
	if (setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, filter, filter_len) < 0 ||
	    setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof(errors)) < 0 ||
	    setsockopt(fd, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, &on, sizeof(on)) < 0) {
		return -errno;
	}
	/* These only help. */
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	return 0;
}

int can_socket_open(struct can_port *p, int32_t ifindex)
{
	const struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = ifindex};
	const int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
	int result;

	if (fd < 0) {
		return -errno;
	}
	/* Filters first: no frame of others gets between bind and filter. */
	result = set_options(p, fd);
	if (result == 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		result = -errno;
	}
	if (result == 0 && !handoff_put(&p->socket.fd, fd)) {
		result = -EBUSY;
	}
	if (result < 0) {
		(void)close(fd);
	}
	return result;
}

static int say_no_can(int error, char *err, size_t err_len)
{
	if (error == EAFNOSUPPORT || error == EPROTONOSUPPORT) {
		(void)snprintf(
			err, err_len,
			"this kernel has no SocketCAN: load it (modprobe can_raw) or use a "
			"kernel that has it; for a bench without CAN: can.interface=unix:PATH");
		return -EAFNOSUPPORT;
	}
	(void)snprintf(err, err_len, "cannot open a CAN socket: %s: %s", strerror(error),
		       remedy_of(error));
	return -error;
}

static int say_start(const struct can_port *p, enum can_action failed, int error, char *err,
		     size_t err_len)
{
	if (error == EPERM || error == EACCES) {
		(void)snprintf(
			err, err_len,
			"CAN interface %s: can.manage=yes needs CAP_NET_ADMIN "
			"(AmbientCapabilities= in the unit); or set can.manage=no and set the "
			"interface up elsewhere",
			p->interface);
		return -EPERM;
	}
	if (failed == CAN_ACTION_CONFIGURE && (error == EINVAL || error == ERANGE)) {
		(void)snprintf(err, err_len,
			       "CAN interface %s: the controller cannot do %u bit/s: check "
			       "can.bitrate and the clock of the controller",
			       p->interface, p->bitrate);
		return -error;
	}
	(void)snprintf(err, err_len, "CAN interface %s: cannot be %s: %s: %s", p->interface,
		       failed == CAN_ACTION_CONFIGURE ? "set up" : "opened", strerror(error),
		       remedy_of(error));
	return -error;
}

static int check_interface(struct can_port *p, char *err, size_t err_len)
{
	const struct can_link_info *info = &p->socket.info;
	const int result = can_link_look(&p->socket.link, p->interface, &p->socket.info);

	if (result < 0) {
		(void)snprintf(err, err_len, "CAN interface %s: cannot be looked at: %s: %s",
			       p->interface, strerror(-result), remedy_of(-result));
		return result;
	}
	if (!info->present) {
		(void)snprintf(
			err, err_len,
			"CAN interface %s does not exist: see \"ip -br link\"; is the driver "
			"loaded (device tree overlay, USB cable)?",
			p->interface);
		return -ENODEV;
	}
	if (!info->is_can) {
		(void)snprintf(err, err_len,
			       "%s is a network interface, but no CAN interface: see \"ip -br link "
			       "show type can\"",
			       p->interface);
		return -EPFNOSUPPORT;
	}
	if (!p->manage && !info->up) {
		(void)snprintf(err, err_len,
			       "CAN interface %s is down and can.manage=no: ip link set %s up type "
			       "can bitrate 500000; or set can.manage=yes",
			       p->interface, p->interface);
		return -ENETDOWN;
	}
	return p->manage && !can_link_may_manage()
		       ? say_start(p, CAN_ACTION_CONFIGURE, EPERM, err, err_len)
		       : 0;
}

static int wait_for_helper(struct can_port *p, char *err, size_t err_len)
{
	struct can_socket *s = &p->socket;
	const int64_t end_ns = helper_now_ns() + START_WAIT_NS;
	const struct timespec end = {
		.tv_sec = (time_t)(end_ns / NS_PER_S),
		.tv_nsec = (long)(end_ns % NS_PER_S),
	};
	int result;

	do {
		result = sem_clockwait(&s->started, CLOCK_MONOTONIC, &end);
	} while (result < 0 && errno == EINTR);
	if (result < 0) {
		(void)snprintf(err, err_len, "CAN interface %s: the driver does not answer",
			       p->interface);
		return -ETIMEDOUT;
	}
	result = atomic_load_explicit(&s->start_result, memory_order_acquire);
	if (result < 0) {
		const uint32_t failed = atomic_load_explicit(&s->start_action,
							     memory_order_relaxed);

		return say_start(p, (enum can_action)failed, -result, err, err_len);
	}
	return 0;
}

static int socket_start(struct can_port *p, char *err, size_t err_len)
{
	struct can_socket *s = &p->socket;
	int fd;
	int result;

	handoff_init(&s->fd);
	can_link_init(&s->link);
	can_manager_init(&s->manager, p->manage);
	(void)sem_init(&s->started, 0, 0);
	fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
	if (fd < 0) {
		return say_no_can(errno, err, err_len);
	}
	(void)close(fd);
	result = can_link_open(&s->link);
	if (result < 0) {
		(void)snprintf(err, err_len, "CAN interface %s: no socket: %s: %s", p->interface,
			       strerror(-result), remedy_of(-result));
		return result;
	}
	result = check_interface(p, err, err_len);
	if (result < 0) {
		return result;
	}
	result = helper_start(&p->helper, "jkp-can", 0, can_socket_run, p);
	if (result < 0) {
		(void)snprintf(err, err_len, "CAN interface %s: no helper thread: %s: %s",
			       p->interface, strerror(-result), remedy_of(-result));
		return result;
	}
	return wait_for_helper(p, err, err_len);
}

static void socket_stop(struct can_port *p)
{
	struct can_socket *s = &p->socket;
	int fd;

	helper_stop(&p->helper);
	fd = handoff_fini(&s->fd);
	if (fd >= 0) {
		(void)close(fd);
	}
	can_link_close(&s->link);
	(void)sem_destroy(&s->started);
}

const struct can_backend can_socket_backend = {
	.start = socket_start,
	.stop = socket_stop,
	.recv = socket_recv,
	.send = socket_send,
	.is_open = socket_is_open,
};
