/* SPDX-License-Identifier: Apache-2.0 */
/* CAN port on the bench bus: a SOCK_SEQPACKET socket whose clients are the nodes. */
#include "can_backend.h"

#include "base/remedy.h"
#include "core/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG	    8
#define TICK_MS	    100 /* how often the helper looks for dropped clients */
#define SOCKET_MODE 0660
#define SEND_BUFFER 65536 /* about 170 frames: a client further behind than that is slow */
#define RECORD_MAX  (2U * sizeof(struct can_frame)) /* more than right, to see a wrong size */

static void drop_client(struct can_port *p, uint32_t index)
{
	can_count(p, CAN_COUNT_CLIENTS_DROPPED);
	handoff_give_up(&p->unix_bus.client[index]);
}

/* One frame to one node; a node that cannot take it at once is dropped. */
static bool give(struct can_port *p, uint32_t index, const struct can_frame *f)
{
	const int fd = handoff_get(&p->unix_bus.client[index]);
	ssize_t n;

	if (fd < 0) {
		return false;
	}
	n = send(fd, f, sizeof(*f), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(*f)) {
		return true;
	}
	if (n < 0 && errno == EAGAIN) {
		drop_client(p, index);
	} else {
		/* Left of its own accord. */
		handoff_give_up(&p->unix_bus.client[index]);
	}
	return false;
}

static void forward(struct can_port *p, uint32_t from, const struct can_frame *f)
{
	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
		if (i != from) {
			(void)give(p, i, f);
		}
	}
}

static enum can_recv recv_from(struct can_port *p, uint32_t index, struct can_frame *ret_frame)
{
	const int fd = handoff_get(&p->unix_bus.client[index]);
	uint8_t record[RECORD_MAX];
	ssize_t n;

	if (fd < 0) {
		return CAN_RECV_NONE;
	}
	p->budget--;
	n = recv(fd, record, sizeof(record), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return CAN_RECV_NONE;
	}
	if (n <= 0) {
		/* Gone; an empty record looks the same and deserves the same. */
		handoff_give_up(&p->unix_bus.client[index]);
		return CAN_RECV_AGAIN;
	}
	if ((size_t)n == sizeof(*ret_frame)) {
		memcpy(ret_frame, record, sizeof(*ret_frame));
	}
	if ((size_t)n != sizeof(*ret_frame) || ret_frame->can_dlc > CAN_MSG_DATA_MAX) {
		drop_client(p, index);
		return CAN_RECV_AGAIN;
	}
	return CAN_RECV_FRAME;
}

static enum can_recv unix_recv(struct can_port *p, struct can_frame *ret_frame,
			       enum can_origin *ret_origin)
{
	struct can_unix *u = &p->unix_bus;

	if (u->echo_len > 0) {
		*ret_frame = u->echo[u->echo_at];
		*ret_origin = CAN_OWN;
		u->echo_at = (u->echo_at + 1U) % CAN_ECHO_MAX;
		u->echo_len--;
		return CAN_RECV_FRAME;
	}
	/* Round robin: a node that floods does not silence the others. */
	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX && p->budget > 0; i++) {
		const uint32_t index = u->next;
		enum can_recv what;

		u->next = (u->next + 1U) % CAN_PORT_CLIENTS_MAX;
		what = recv_from(p, index, ret_frame);
		if (what == CAN_RECV_FRAME) {
			if ((ret_frame->can_id & CAN_ERR_FLAG) == 0U) {
				forward(p, index, ret_frame);
			}
			*ret_origin = CAN_FROM_BUS;
			return CAN_RECV_FRAME;
		}
		if (what == CAN_RECV_AGAIN) {
			return CAN_RECV_AGAIN;
		}
	}
	return CAN_RECV_NONE;
}

static int unix_send(struct can_port *p, const struct can_frame *f)
{
	struct can_unix *u = &p->unix_bus;
	bool taken = false;

	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
		taken = give(p, i, f) || taken;
	}
	if (taken && u->echo_len < CAN_ECHO_MAX) {
		u->echo[(u->echo_at + u->echo_len) % CAN_ECHO_MAX] = *f;
		u->echo_len++;
	}
	return 0;
}

static void unix_clients(const struct can_port *p, uint32_t *ret_clients)
{
	*ret_clients = 0;
	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
		*ret_clients += handoff_is_held(&p->unix_bus.client[i]) ? 1U : 0U;
	}
}

/* Returns false if there are no descriptors left: waiting for the next client would not sleep. */
static bool accept_client(struct can_port *p)
{
	struct can_unix *u = &p->unix_bus;
	const int fd = accept4(u->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	const int buffer = SEND_BUFFER;
	bool taken = false;

	if (fd < 0) {
		return errno == EAGAIN || errno == ECONNABORTED;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX && !taken; i++) {
		taken = handoff_put(&u->client[i], fd);
	}
	if (taken) {
		can_count(p, CAN_COUNT_REOPENS);
	} else {
		/* The bus is full; the client reads an end of file. */
		(void)close(fd);
	}
	return true;
}

static void *run(void *arg)
{
	struct can_port *p = arg;
	struct can_unix *u = &p->unix_bus;
	bool accepting = true;

	while (helper_wait(&p->helper, accepting ? u->listen_fd : HELPER_NO_FD, TICK_MS)) {
		for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
			const int fd = handoff_reclaim(&u->client[i]);

			if (fd >= 0) {
				(void)close(fd);
			}
		}
		accepting = accept_client(p);
	}
	return NULL;
}

/* Somebody listens there, or the path cannot be judged: leave it alone. */
static bool is_in_use(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0) {
		return true;
	}
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		  errno == ECONNREFUSED;
	(void)close(fd);
	return !refused;
}

static int bind_bus(struct can_unix *u)
{
	const struct sockaddr *address = (const struct sockaddr *)&u->address;
	struct stat st;

	if (bind(u->listen_fd, address, sizeof(u->address)) == 0) {
		return 0;
	}
	if (errno != EADDRINUSE) {
		return -errno;
	}
	if (lstat(u->address.sun_path, &st) < 0) {
		return -errno;
	}
	if (!S_ISSOCK(st.st_mode)) {
		return -EEXIST;
	}
	if (is_in_use(&u->address)) {
		return -EADDRINUSE;
	}
	/* Left behind by a process that was killed. */
	if (unlink(u->address.sun_path) < 0) {
		return -errno;
	}
	return bind(u->listen_fd, address, sizeof(u->address)) < 0 ? -errno : 0;
}

static int listen_bus(struct can_unix *u)
{
	struct stat st;
	int result;

	u->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->listen_fd < 0) {
		return -errno;
	}
	result = bind_bus(u);
	if (result < 0) {
		return result;
	}
	if (stat(u->address.sun_path, &st) < 0) {
		return -errno;
	}
	u->device = st.st_dev;
	u->inode = st.st_ino;
	if (chmod(u->address.sun_path, SOCKET_MODE) < 0 || listen(u->listen_fd, BACKLOG) < 0) {
		return -errno;
	}
	return 0;
}

static void say(const struct can_port *p, int error, char *err, size_t err_len)
{
	const char *remedy;

	switch (error) {
	case EADDRINUSE:
		remedy = "another instance uses this bench bus: stop it or give another path";
		break;
	case EEXIST:
		remedy = "the path exists and is no socket: give another path";
		break;
	case ENOENT:
	case ENOTDIR:
		remedy = "the directory does not exist: create it";
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		remedy = "no permission to create a socket there: give a path that the daemon's "
			 "user may write to";
		break;
	default:
		(void)snprintf(err, err_len, "bench bus unix:%s: %s: %s", p->interface,
			       strerror(error), remedy_of(error));
		return;
	}
	(void)snprintf(err, err_len, "bench bus unix:%s: %s", p->interface, remedy);
}

static int unix_start(struct can_port *p, char *err, size_t err_len)
{
	struct can_unix *u = &p->unix_bus;
	int result;

	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
		handoff_init(&u->client[i]);
	}
	u->address.sun_family = AF_UNIX;
	memcpy(u->address.sun_path, p->interface, sizeof(u->address.sun_path));
	result = listen_bus(u);
	if (result == 0) {
		/* A wire is always up; whether anybody listens shows in the confirmations. */
		atomic_store_explicit(&p->word, can_view_word(CAN_LINK_UP, false, 1, 0),
				      memory_order_relaxed);
		result = helper_start(&p->helper, "jkp-bus", 0, run, p);
		if (result < 0) {
			(void)snprintf(err, err_len, "bench bus unix:%s: no helper thread: %s: %s",
				       p->interface, strerror(-result), remedy_of(-result));
		}
	} else {
		say(p, -result, err, err_len);
	}
	return result;
}

static void unix_stop(struct can_port *p)
{
	struct can_unix *u = &p->unix_bus;
	struct stat st;

	helper_stop(&p->helper);
	for (uint32_t i = 0; i < CAN_PORT_CLIENTS_MAX; i++) {
		const int fd = handoff_fini(&u->client[i]);

		if (fd >= 0) {
			(void)close(fd);
		}
	}
	if (u->inode != 0 && stat(u->address.sun_path, &st) == 0 && st.st_dev == u->device &&
	    st.st_ino == u->inode) {
		(void)unlink(u->address.sun_path);
	}
	if (u->listen_fd >= 0) {
		(void)close(u->listen_fd);
	}
}

const struct can_backend can_unix_backend = {
	.start = unix_start,
	.stop = unix_stop,
	.recv = unix_recv,
	.send = unix_send,
	.clients = unix_clients,
};
