/* SPDX-License-Identifier: Apache-2.0 */
#include "can_link.h"

#include <errno.h>
#include <libsocketcan.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <wchar.h>

#define ANSWER_WAIT_S	    1
#define ANSWERS_MAX	    8	    /* messages of other requests skipped before giving up */
#define ATTRIBUTE_TYPE_MASK 0x3FFFU /* NLA_TYPE_MASK, as unsigned */
#define KIND_VCAN	    "vcan"
#define KIND_VXCAN	    "vxcan"

void can_link_init(struct can_link_fds *l)
{
	l->netlink_fd = -1;
	l->ioctl_fd = -1;
	l->seq = 0;
}

int can_link_open(struct can_link_fds *l)
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};

	/*
	 * libsocketcan tells its errors by perror(), and perror() on a stream without orientation
	 * makes a copy of it by fdopen(): on a pipe that fails and leaves EINVAL in errno, where the
	 * kernel's answer was.
	 */
	(void)fwide(stderr, -1);
	l->ioctl_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->ioctl_fd < 0) {
		return -errno;
	}
	l->netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (l->netlink_fd >= 0 &&
	    setsockopt(l->netlink_fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		(void)close(l->netlink_fd);
		l->netlink_fd = -1;
	}
	return 0;
}

void can_link_close(struct can_link_fds *l)
{
	if (l->netlink_fd >= 0) {
		(void)close(l->netlink_fd);
	}
	if (l->ioctl_fd >= 0) {
		(void)close(l->ioctl_fd);
	}
	can_link_init(l);
}

/* One attribute of a list; the payload is not copied. */
struct attribute {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

/* Next attribute at *@at; false at the end or at a malformed one. Always advances. */
static bool next_attribute(const uint8_t *list, size_t len, size_t *at, struct attribute *ret)
{
	struct rtattr head;

	if (*at > len || len - *at < sizeof(head)) {
		return false;
	}
	memcpy(&head, list + *at, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > len - *at) {
		return false;
	}
	ret->type = head.rta_type & ATTRIBUTE_TYPE_MASK;
	ret->data = list + *at + RTA_LENGTH(0);
	ret->len = head.rta_len - RTA_LENGTH(0);
	*at += RTA_ALIGN(head.rta_len);
	return true;
}

static bool is_text(const struct attribute *a, const char *text)
{
	const size_t n = strlen(text);

	return a->len >= n && memcmp(a->data, text, n) == 0 && (a->len == n || a->data[n] == '\0');
}

static void parse_data(const uint8_t *list, size_t len, struct can_link_info *info)
{
	struct attribute a;
	size_t at = 0;

	while (next_attribute(list, len, &at, &a)) {
		if (a.type == IFLA_CAN_STATE && a.len >= sizeof(info->state)) {
			memcpy(&info->state, a.data, sizeof(info->state));
			info->has_state = true;
		}
	}
}

static void parse_linkinfo(const uint8_t *list, size_t len, struct can_link_info *info)
{
	struct attribute a;
	size_t at = 0;

	while (next_attribute(list, len, &at, &a)) {
		if (a.type == IFLA_INFO_KIND) {
			info->is_virtual = is_text(&a, KIND_VCAN) || is_text(&a, KIND_VXCAN);
		} else if (a.type == IFLA_INFO_DATA) {
			parse_data(a.data, a.len, info);
		}
	}
	if (info->is_virtual || !info->is_can) {
		/* Their data mean something else. */
		info->has_state = false;
		info->state = 0;
	}
}

static int parse_link(const uint8_t *payload, size_t len, struct can_link_info *ret_info)
{
	struct can_link_info info = {.present = true};
	struct ifinfomsg head;
	struct attribute a;
	size_t at = NLMSG_ALIGN(sizeof(head));

	if (len < sizeof(head)) {
		return -EBADMSG;
	}
	memcpy(&head, payload, sizeof(head));
	info.is_can = head.ifi_type == ARPHRD_CAN;
	info.up = (head.ifi_flags & IFF_UP) != 0U;
	info.ifindex = head.ifi_index;
	while (next_attribute(payload, len, &at, &a)) {
		if (a.type == IFLA_LINKINFO) {
			parse_linkinfo(a.data, a.len, &info);
		}
	}
	*ret_info = info;
	return 0;
}

static int parse_error(const uint8_t *payload, size_t len, struct can_link_info *ret_info)
{
	struct nlmsgerr error;

	if (len < sizeof(error)) {
		return -EBADMSG;
	}
	memcpy(&error, payload, sizeof(error));
	if (error.error == -ENODEV) {
		*ret_info = (struct can_link_info){.present = false};
		return 0;
	}
	return error.error < 0 ? error.error : -EBADMSG;
}

int can_link_parse(const void *buf, size_t len, uint32_t seq, struct can_link_info *ret_info)
{
	const uint8_t *bytes = buf;
	size_t at = 0;

	while (at <= len && len - at >= sizeof(struct nlmsghdr)) {
		const uint8_t *payload = bytes + at + NLMSG_HDRLEN;
		struct nlmsghdr head;
		size_t payload_len;

		memcpy(&head, bytes + at, sizeof(head));
		if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > len - at) {
			return -EBADMSG;
		}
		payload_len = head.nlmsg_len - NLMSG_HDRLEN;
		if (head.nlmsg_seq == seq && head.nlmsg_type == RTM_NEWLINK) {
			return parse_link(payload, payload_len, ret_info);
		}
		if (head.nlmsg_seq == seq && head.nlmsg_type == NLMSG_ERROR) {
			return parse_error(payload, payload_len, ret_info);
		}
		at += NLMSG_ALIGN(head.nlmsg_len);
	}
	return -ENOMSG;
}

struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg link;
	struct rtattr name_head;
	char name[IFNAMSIZ];
};

static int look_by_netlink(struct can_link_fds *l, const char *name, struct can_link_info *ret_info)
{
	const size_t name_len = strlen(name) + 1U;
	struct link_request request;
	int result = -ENOMSG;

	memset(&request, 0, sizeof(request));
	request.head.nlmsg_len = (uint32_t)(offsetof(struct link_request, name) +
					    NLMSG_ALIGN(name_len));
	request.head.nlmsg_type = RTM_GETLINK;
	request.head.nlmsg_flags = NLM_F_REQUEST;
	request.head.nlmsg_seq = ++l->seq;
	request.link.ifi_family = AF_UNSPEC;
	request.name_head.rta_type = IFLA_IFNAME;
	request.name_head.rta_len = (uint16_t)RTA_LENGTH(name_len);
	memcpy(request.name, name, name_len);
	if (send(l->netlink_fd, &request, request.head.nlmsg_len, 0) < 0) {
		return -errno;
	}
	/* An answer that came too late last time may wait in front of ours. */
	for (int i = 0; i < ANSWERS_MAX && result == -ENOMSG; i++) {
		const ssize_t n = recv(l->netlink_fd, l->answer, sizeof(l->answer), 0);

		if (n < 0) {
			return -errno;
		}
		result = can_link_parse(l->answer, (size_t)n, l->seq, ret_info);
	}
	return result;
}

static int look_by_ioctl(const struct can_link_fds *l, const char *name,
			 struct can_link_info *ret_info)
{
	struct can_link_info info = {.present = true};
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(l->ioctl_fd, SIOCGIFINDEX, &request) < 0) {
		if (errno != ENODEV) {
			return -errno;
		}
		*ret_info = (struct can_link_info){.present = false};
		return 0;
	}
	info.ifindex = request.ifr_ifindex;
	if (ioctl(l->ioctl_fd, SIOCGIFHWADDR, &request) < 0) {
		return -errno;
	}
	info.is_can = request.ifr_hwaddr.sa_family == ARPHRD_CAN;
	if (ioctl(l->ioctl_fd, SIOCGIFFLAGS, &request) < 0) {
		return -errno;
	}
	info.up = ((unsigned int)request.ifr_flags & (unsigned int)IFF_UP) != 0U;
	*ret_info = info;
	return 0;
}

int can_link_look(struct can_link_fds *l, const char *name, struct can_link_info *ret_info)
{
	if (strlen(name) >= IFNAMSIZ) {
		return -ENAMETOOLONG;
	}
	if (l->netlink_fd >= 0 && look_by_netlink(l, name, ret_info) == 0) {
		return 0;
	}
	return look_by_ioctl(l, name, ret_info);
}

/* libsocketcan returns -1 and leaves the reason in errno, or nothing at all. */
static int checked(int result)
{
	if (result >= 0) {
		return 0;
	}
	return errno > 0 ? -errno : -EIO;
}

static int set_up(const char *name)
{
	errno = 0;
	return checked(can_do_start(name));
}

static int set_down(const char *name)
{
	errno = 0;
	return checked(can_do_stop(name));
}

int can_link_bounce(const char *name)
{
	const int result = set_down(name);

	return result < 0 ? result : set_up(name);
}

static int set_bitrate(const char *name, uint32_t bitrate, bool *ret_fixed_bitrate)
{
	struct can_ctrlmode mode = {.mask = CAN_CTRLMODE_LISTENONLY, .flags = 0};
	int result;

	/* A driver that knows no restart refuses this; a kernel that restarts by itself hides bus-off. */
	(void)can_set_restart_ms(name, 0);
	/* Listen-only would keep us silent; a driver without that mode may refuse. */
	(void)can_set_ctrlmode(name, &mode);
	errno = 0;
	result = checked(can_set_bitrate(name, bitrate));
	if (result == -EOPNOTSUPP) {
		*ret_fixed_bitrate = true;
		return 0;
	}
	return result;
}

int can_link_configure(const char *name, uint32_t bitrate, const struct can_link_info *info,
		       bool *ret_fixed_bitrate)
{
	int result = set_down(name);

	if (result < 0) {
		return result;
	}
	if (info->is_virtual) {
		*ret_fixed_bitrate = true;
	} else {
		result = set_bitrate(name, bitrate, ret_fixed_bitrate);
	}
	/* Up again in any case: what the user had set may be better than silence. */
	if (result < 0) {
		(void)set_up(name);
		return result;
	}
	return set_up(name);
}

int can_link_restart(const char *name, const struct can_link_info *info)
{
	if (info->has_state) {
		errno = 0;
		if (can_do_restart(name) == 0) {
			return 0;
		}
	}
	return can_link_bounce(name);
}

bool can_link_may_manage(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &head, data) < 0) {
		return false;
	}
	return (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0U;
}
