/* SPDX-License-Identifier: Apache-2.0 */
#include "sma_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"

#define RECEIVE_BYTES 32768 /* with the kernel's own data about 40 datagrams of a meter */
#define CONTROL_BYTES 256U

/* Places in a packet, for the filter: of UDP payload behind the UDP header, of the IP header. */
#define PAYLOAD(offset) ((uint32_t)(8 + (offset)))
#define AT_SERIAL	20
#define AT_SERIAL_2	22
#define SPEEDWIRE_START 0x534D4100U
#define IP_SOURCE	((uint32_t)SKF_NET_OFF + 12U)
#define WHOLE		0xFFFFFFFFU

/* By the socket that is there: if_nametoindex() needs one more descriptor, which may be the last. */
static int ask_interface(int fd, const char *interface, unsigned long request, struct ifreq *ret)
{
	*ret = (struct ifreq){0};
	if (strlen(interface) >= sizeof(ret->ifr_name)) {
		return -ENODEV;
	}
	memcpy(ret->ifr_name, interface, strlen(interface));
	return ioctl(fd, request, ret) < 0 ? -errno : 0;
}

/* Return: 0 if there is none. */
static uint32_t interface_index(int fd, const char *interface)
{
	struct ifreq r;

	return ask_interface(fd, interface, SIOCGIFINDEX, &r) == 0 ? (uint32_t)r.ifr_ifindex : 0U;
}

int sma_socket_check(int fd, const char *interface, uint32_t index)
{
	struct ifreq r;

	if (index == 0U || interface_index(fd, interface) != index ||
	    ask_interface(fd, interface, SIOCGIFFLAGS, &r) != 0) {
		return -ENODEV;
	}
	return (r.ifr_flags & IFF_UP) != 0 && (r.ifr_flags & IFF_RUNNING) != 0 ? 0 : -ENETDOWN;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_up(int fd, int32_t port, enum sma_socket_part *ret_part)
{
	const struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (r == 0) {
		r = set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	}
	if (r == 0) {
		r = set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	}
	if (r == 0) {
		r = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	if (r == 0) {
		/* Only what this socket has joined, not what anybody on this machine has. */
		r = set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	}
	if (r == 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0) {
		*ret_part = SMA_SOCKET_PORT;
		r = -errno;
	}
	return r;
}

static int join(int fd, uint32_t group, uint32_t index)
{
	const struct ip_mreqn request = {
		.imr_multiaddr.s_addr = htonl(group),
		.imr_ifindex = (int)index,
	};

	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ? -errno
											    : 0;
}

int sma_socket_open(const char *interface, uint32_t group, int32_t port, int *ret_fd,
		    uint32_t *ret_index, enum sma_socket_part *ret_part)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*ret_part = SMA_SOCKET_SOCKET;
		return -errno;
	}
	const uint32_t index = interface_index(fd, interface);
	int r = sma_socket_check(fd, interface, index);

	*ret_part = SMA_SOCKET_INTERFACE;

	if (r == 0) {
		*ret_part = SMA_SOCKET_SOCKET;
		r = set_up(fd, port, ret_part);
	}
	if (r == 0) {
		*ret_part = SMA_SOCKET_JOIN;
		r = join(fd, group, index);
	}
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	*ret_index = index;
	return 0;
}

static int64_t age_of(const struct timespec *stamp)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec - (int64_t)stamp->tv_sec) * NS_PER_S +
	       ((int64_t)now.tv_nsec - (int64_t)stamp->tv_nsec);
}

static void take_control(struct msghdr *m, struct sma_arrival *a)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct timespec))) {
			struct timespec stamp;

			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			a->age_ns = age_of(&stamp);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
			   c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			a->index = (uint32_t)info.ipi_ifindex;
		}
	}
}

int sma_socket_read(int fd, uint8_t *data, size_t size, struct sma_arrival *ret_arrival)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	struct sockaddr_in from = {0};
	struct iovec io = {.iov_base = data, .iov_len = size};
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	/* MSG_TRUNC: the length it had, not what fits. */
	const ssize_t n = recvmsg(fd, &m, MSG_TRUNC);

	if (n < 0) {
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	*ret_arrival = (struct sma_arrival){
		.len = (size_t)n,
		.age_ns = -1,
		.source = ntohl(from.sin_addr.s_addr),
	};
	take_control(&m, ret_arrival);
	return 0;
}

int sma_socket_filter(int fd, uint32_t source, uint32_t serial)
{
	/* A jump leads over so many instructions: if true, if not. The last one drops. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PAYLOAD(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SPEEDWIRE_START, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_SOURCE),
		BPF_JUMP(BPF_JMP | (source != 0U ? BPF_JEQ : BPF_JGE) | BPF_K, source, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PAYLOAD(AT_SERIAL)),
		BPF_JUMP(BPF_JMP | (serial != 0U ? BPF_JEQ : BPF_JGE) | BPF_K, serial, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PAYLOAD(AT_SERIAL_2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, serial, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

void sma_socket_unfilter(int fd)
{
	const int none = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
}
