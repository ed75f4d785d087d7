/* SPDX-License-Identifier: Apache-2.0 */
/* A live bus: SocketCAN or the bench bus of a daemon; logs are in canbus_log.c. */
#include "canbus_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BENCH_PREFIX "unix:"
#define BENCH_NAME   "bench"
#define BITRATE	     "500000"
#define US_PER_S     1000000
#define NS_PER_US    1000

int canbus_why(struct canbus *bus, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(bus->why, sizeof(bus->why), format, args);
	va_end(args);
	return err;
}

int canbus_wait(const struct canbus *bus, int timeout_ms)
{
	struct pollfd p = {.fd = bus->fd, .events = POLLIN};
	const int n = poll(&p, 1, timeout_ms);

	return n > 0 ? 0 : (n == 0 ? -EAGAIN : -errno);
}

static int64_t clock_us(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

static int set_nonblocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* ---- open ---- */

static int open_bench(struct canbus *bus, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	bus->kind = CANBUS_BENCH;
	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path)) {
		return canbus_why(bus, -EINVAL, "%s: the path must have 1 to %zu characters",
				  bus->spec, sizeof(addr.sun_path) - 1);
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	bus->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bus->fd < 0) {
		err = -errno;
		return canbus_why(bus, err, "%s: %s", bus->spec, strerror(-err));
	}
	if (connect(bus->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		return set_nonblocking(bus->fd);
	}
	err = -errno;
	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		return canbus_why(bus, err,
				  "%s: no daemon listens there; start jkpylond with "
				  "interface=%s in [can]",
				  bus->spec, bus->spec);
	case EACCES:
		return canbus_why(
			bus, err,
			"%s: permission denied; run as the daemon's user or join its group",
			bus->spec);
	case EPROTOTYPE:
	case ENOTSOCK:
		return canbus_why(bus, err,
				  "%s: not a bench bus (it is no SOCK_SEQPACKET socket); give the "
				  "path that the daemon's [can] interface names",
				  bus->spec);
	default:
		return canbus_why(bus, err, "%s: %s", bus->spec, strerror(-err));
	}
}

static int bind_can(struct canbus *bus)
{
	struct sockaddr_can addr = {.can_family = AF_CAN};
	const can_err_mask_t errors = CAN_ERR_MASK;
	struct ifreq ifr = {0};

	memcpy(ifr.ifr_name, bus->spec, strlen(bus->spec) + 1);
	if (ioctl(bus->fd, SIOCGIFFLAGS, &ifr) < 0) {
		return -errno;
	}
	if ((ifr.ifr_flags & IFF_UP) == 0) {
		return -ENETDOWN;
	}
	addr.can_ifindex = (int)if_nametoindex(bus->spec);
	if (setsockopt(bus->fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof(errors)) < 0 ||
	    bind(bus->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		return -errno;
	}
	return 0;
}

static int open_socketcan(struct canbus *bus)
{
	int err;

	bus->kind = CANBUS_SOCKETCAN;
	if (bus->spec[0] == '\0' || strlen(bus->spec) >= IFNAMSIZ) {
		return canbus_why(
			bus, -EINVAL,
			"\"%s\" is no name of an interface (1 to %d characters); give can0, "
			"unix:PATH, a file ending in " LOG_SUFFIX ", or -",
			bus->spec, IFNAMSIZ - 1);
	}
	if (if_nametoindex(bus->spec) == 0) {
		return canbus_why(bus, -ENODEV,
				  "%s: no such interface (see \"ip link\") and no such file; check "
				  "the adapter, its driver and the overlay in config.txt",
				  bus->spec);
	}
	bus->fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
	err = bus->fd < 0 ? -errno : bind_can(bus);
	switch (-err) {
	case 0:
		return 0;
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return canbus_why(bus, err,
				  "%s: this kernel speaks no CAN (%s); load it with \"modprobe "
				  "can_raw\" or use a kernel that has it",
				  bus->spec, strerror(-err));
	case ENETDOWN:
		return canbus_why(
			bus, err,
			"%s is down; bring it up with \"ip link set %s up type can bitrate " BITRATE
			"\"",
			bus->spec, bus->spec);
	case ENODEV:
		return canbus_why(bus, err,
				  "%s is no CAN interface; \"ip -br link show type can\" "
				  "lists those that are",
				  bus->spec);
	default:
		return canbus_why(bus, err, "%s: %s", bus->spec, strerror(-err));
	}
}

static bool names_bench(const char *spec)
{
	return strncmp(spec, BENCH_PREFIX, strlen(BENCH_PREFIX)) == 0;
}

bool canbus_is_live(const char *spec)
{
	return names_bench(spec) || !canbus_log_named(spec);
}

int canbus_open(struct canbus *bus, const char *spec)
{
	int err;

	*bus = (struct canbus){.spec = spec, .fd = -1};
	bus->wall_offset_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	if (names_bench(spec)) {
		err = open_bench(bus, spec + strlen(BENCH_PREFIX));
	} else if (canbus_log_named(spec)) {
		err = canbus_log_open(bus);
	} else {
		err = open_socketcan(bus);
	}
	if (err != 0) {
		canbus_close(bus);
	}
	return err;
}

void canbus_close(struct canbus *bus)
{
	if (bus->fd >= 0) {
		(void)close(bus->fd);
		bus->fd = -1;
	}
}

/* ---- read, send ---- */

static int read_socket(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame)
{
	struct can_frame can = {0};
	ssize_t n;
	int err = canbus_wait(bus, timeout_ms);

	if (err != 0) {
		return err;
	}
	n = recv(bus->fd, &can, sizeof(can), MSG_TRUNC);
	err = n < 0 ? -errno : 0;
	if (err == -EAGAIN || err == -EINTR) {
		return err;
	}
	if (err == -ENETDOWN) {
		return canbus_why(bus, err, "%s went down", bus->spec);
	}
	if (err != 0) {
		return canbus_why(bus, err, "%s: %s; is the adapter still there?", bus->spec,
				  strerror(-err));
	}
	if (n == 0 && bus->kind == CANBUS_BENCH) {
		return canbus_why(
			bus, -EPIPE,
			"%s: the daemon closed the bus (it stopped, or this tool read too "
			"slowly); start again",
			bus->spec);
	}
	if (n != (ssize_t)sizeof(can) || can.len > CAN_MAX_DLEN) {
		return canbus_why(bus, -EBADMSG, "%s: record of %zd bytes, length %u: no CAN frame",
				  bus->spec, n, can.len);
	}
	*ret_frame = (struct canbus_frame){
		.can = can,
		.time_us = clock_us(CLOCK_MONOTONIC) + bus->wall_offset_us,
		.has_time = true,
	};
	(void)snprintf(ret_frame->ifname, sizeof(ret_frame->ifname), "%s",
		       bus->kind == CANBUS_BENCH ? BENCH_NAME : bus->spec);
	return 0;
}

int canbus_read(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame)
{
	return bus->kind == CANBUS_LOG ? canbus_log_read(bus, timeout_ms, ret_frame)
				       : read_socket(bus, timeout_ms, ret_frame);
}

int canbus_send(struct canbus *bus, const struct can_frame *frame)
{
	ssize_t n;

	if (bus->kind == CANBUS_LOG) {
		return -EBADF;
	}
	n = send(bus->fd, frame, sizeof(*frame), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		return -errno;
	}
	return n == (ssize_t)sizeof(*frame) ? 0 : -EIO;
}
