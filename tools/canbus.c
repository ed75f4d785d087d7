/* SPDX-License-Identifier: Apache-2.0 */
#include "canbus.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BENCH_PREFIX	"unix:"
#define BENCH_NAME	"bench"
#define LOG_SUFFIX	".log"
#define BITRATE		"500000"
#define US_PER_S	1000000
#define NS_PER_US	1000
#define STD_ID_DIGITS	3U
#define EXT_ID_DIGITS	8U
#define TIME_DIGITS	6U /* behind the point: microseconds */
#define NANO_DIGITS	9U /* candump -N; what is below a microsecond is cut off */
#define TIME_SECS_MAX	INT64_C(100000000000)
#define CANDUMP_FLAGS	2 /* words behind RX or TX in candump -x */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define BAD_LINE_SHOWN	40 /* characters of a bad line in the message */

#ifndef CAN_ERR_CNT
#define CAN_ERR_CNT 0x00000200U /* younger than the oldest kernel headers we build with */
#endif

static int __attribute__((format(printf, 3, 4)))
set_why(struct canbus *bus, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(bus->why, sizeof(bus->why), format, args);
	va_end(args);
	return err;
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
		return set_why(bus, -EINVAL, "%s: the path must have 1 to %zu characters",
			       bus->spec, sizeof(addr.sun_path) - 1);
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	bus->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bus->fd < 0) {
		err = -errno;
		return set_why(bus, err, "%s: %s", bus->spec, strerror(-err));
	}
	if (connect(bus->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		return set_nonblocking(bus->fd);
	}
	err = -errno;
	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		return set_why(bus, err,
			       "%s: no daemon listens there; start jkpylond with "
			       "interface=%s in [can]",
			       bus->spec, bus->spec);
	case EACCES:
		return set_why(bus, err,
			       "%s: permission denied; run as the daemon's user or join its group",
			       bus->spec);
	case EPROTOTYPE:
	case ENOTSOCK:
		return set_why(bus, err,
			       "%s: not a bench bus (it is no SOCK_SEQPACKET socket); give the "
			       "path that the daemon's [can] interface names",
			       bus->spec);
	default:
		return set_why(bus, err, "%s: %s", bus->spec, strerror(-err));
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
		return set_why(bus, -EINVAL,
			       "\"%s\" is no name of an interface (1 to %d characters); give can0, "
			       "unix:PATH, a file ending in " LOG_SUFFIX ", or -",
			       bus->spec, IFNAMSIZ - 1);
	}
	if (if_nametoindex(bus->spec) == 0) {
		return set_why(bus, -ENODEV,
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
		return set_why(bus, err,
			       "%s: this kernel speaks no CAN (%s); load it with \"modprobe "
			       "can_raw\" or use a kernel that has it",
			       bus->spec, strerror(-err));
	case ENETDOWN:
		return set_why(
			bus, err,
			"%s is down; bring it up with \"ip link set %s up type can bitrate " BITRATE
			"\"",
			bus->spec, bus->spec);
	case ENODEV:
		return set_why(bus, err,
			       "%s is no CAN interface; \"ip -br link show type can\" "
			       "lists those that are",
			       bus->spec);
	default:
		return set_why(bus, err, "%s: %s", bus->spec, strerror(-err));
	}
}

static int open_log(struct canbus *bus)
{
	struct stat st;

	bus->kind = CANBUS_LOG;
	if (strcmp(bus->spec, "-") == 0) {
		bus->spec = "standard input";
		bus->fd = dup(STDIN_FILENO);
	} else {
		bus->fd = open(bus->spec, O_RDONLY | O_CLOEXEC);
	}
	if (bus->fd < 0) {
		const int err = -errno;

		return set_why(bus, err, "%s: %s; give a log that candump wrote", bus->spec,
			       strerror(-err));
	}
	if (fstat(bus->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		return set_why(bus, -EISDIR, "%s: is a directory; give a log that candump wrote",
			       bus->spec);
	}
	return 0;
}

static bool names_log(const char *spec)
{
	const size_t len = strlen(spec);
	const size_t suffix = strlen(LOG_SUFFIX);

	return strchr(spec, '/') != NULL || strcmp(spec, "-") == 0 ||
	       (len > suffix && strcmp(spec + len - suffix, LOG_SUFFIX) == 0) ||
	       (if_nametoindex(spec) == 0 && access(spec, F_OK) == 0);
}

static bool names_bench(const char *spec)
{
	return strncmp(spec, BENCH_PREFIX, strlen(BENCH_PREFIX)) == 0;
}

bool canbus_is_live(const char *spec)
{
	return names_bench(spec) || !names_log(spec);
}

int canbus_open(struct canbus *bus, const char *spec)
{
	int err;

	*bus = (struct canbus){.spec = spec, .fd = -1};
	bus->wall_offset_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	if (names_bench(spec)) {
		err = open_bench(bus, spec + strlen(BENCH_PREFIX));
	} else if (names_log(spec)) {
		err = open_log(bus);
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

/* ---- logs: each parser gives NULL, or what is wrong ---- */

static const char *parse_time(const char **p, struct canbus_frame *f)
{
	const char *s = *p + 1;
	const char *end = strchr(s, ')');
	struct tm tm = {.tm_isdst = -1};
	const bool negative = *s == '-'; /* what canview -x makes of a date before 1970 */
	int64_t secs = 0;
	int64_t us = 0;
	unsigned int digits = 0;

	if (end == NULL) {
		return "the time has no ')'";
	}
	if (end - s > 10 && s[4] == '-') { /* candump -t A: date and time of day */
		s = strptime(s, "%Y-%m-%d %H:%M:%S", &tm);
		secs = s != NULL ? (int64_t)mktime(&tm) : 0;
	} else {
		s += negative;
		while (isdigit((unsigned char)*s) && secs < TIME_SECS_MAX) {
			secs = secs * 10 + (*s++ - '0');
		}
	}
	if (s == NULL || *s++ != '.') {
		return "the time is not (SECONDS.MICROSECONDS)";
	}
	for (; isdigit((unsigned char)*s) && digits < NANO_DIGITS; digits++, s++) {
		us = digits < TIME_DIGITS ? us * 10 + (*s - '0') : us;
	}
	if (s != end || (digits != TIME_DIGITS && digits != NANO_DIGITS)) {
		return "the time is not (SECONDS.MICROSECONDS)";
	}
	f->time_us = (secs * US_PER_S + us) * (negative ? -1 : 1);
	f->has_time = true;
	*p = end + 1;
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_id(const char **p, struct canbus_frame *f)
{
	uint32_t id = 0;
	unsigned int digits = 0;

	for (; hex_digit(**p) >= 0 && digits < EXT_ID_DIGITS; digits++) {
		id = (id << 4) | (uint32_t)hex_digit(*(*p)++);
	}
	if ((digits > 0 && digits <= STD_ID_DIGITS && id <= CAN_SFF_MASK) ||
	    (digits == EXT_ID_DIGITS && (id & CAN_ERR_FLAG) != 0)) {
		f->can.can_id = id;
		return NULL;
	}
	if (digits == EXT_ID_DIGITS && id <= CAN_EFF_MASK) {
		f->can.can_id = id | CAN_EFF_FLAG;
		return NULL;
	}
	return "the identifier is not 3 (to 7FF) or 8 (to 1FFFFFFF) hexadecimal digits";
}

/* @most: number of bytes wanted; a shorter run is the caller's question. */
static const char *parse_bytes(const char **p, struct canbus_frame *f, unsigned int most)
{
	f->can.len = 0;
	while (hex_digit(**p) >= 0) {
		if (hex_digit((*p)[1]) < 0) {
			return "a byte is not two hexadecimal digits";
		}
		if (f->can.len == most) {
			return "there are more data bytes than the frame may have";
		}
		f->can.data[f->can.len++] = (uint8_t)(hex_digit(**p) << 4 | hex_digit((*p)[1]));
		*p += 2;
		while (f->can.len < most && (**p == '.' || **p == ' ')) {
			(*p)++;
		}
	}
	return NULL;
}

/* 351#1402740E, 123#R4; *p stands on the '#'. */
static const char *parse_compact(const char **p, struct canbus_frame *f)
{
	const char *bad;

	(*p)++;
	if (**p == '#') {
		return "CAN FD frames are not shown";
	}
	if (**p == 'R') {
		(*p)++;
		f->can.can_id |= CAN_RTR_FLAG;
		if (**p >= '0' && **p <= '0' + CAN_MAX_DLEN) {
			f->can.len = (uint8_t)(*(*p)++ - '0');
		}
		return NULL;
	}
	if (isspace((unsigned char)**p) || **p == '\0') {
		return NULL;
	}
	bad = parse_bytes(p, f, CAN_MAX_DLEN);
	if (bad != NULL) {
		return bad;
	}
	return **p == '\0' || isspace((unsigned char)**p) || **p == '_' || isspace((*p)[-1])
		       ? NULL
		       : "the data is not hexadecimal";
}

/* "[8]", or "{8}" to "{F}" of candump -8: eight bytes, whatever the raw length is. */
static const char *parse_length(const char **p, unsigned int *ret_len)
{
	const bool raw = (*p)[0] == '{';
	const int n = (*p)[0] == '[' || raw ? hex_digit((*p)[1]) : -1;

	if (n < 0) {
		return "there is no '#' and no length in brackets";
	}
	if ((*p)[2] != (raw ? '}' : ']') || (n > CAN_MAX_DLEN && !raw)) {
		return "CAN FD frames are not shown";
	}
	*ret_len = n > CAN_MAX_DLEN ? CAN_MAX_DLEN : (unsigned int)n;
	*p += 3;
	return NULL;
}

/* 351   [8]  14 02 ...; *p stands behind the identifier. */
static const char *parse_spaced(const char **p, struct canbus_frame *f)
{
	unsigned int len = 0;
	const char *bad;

	*p += strspn(*p, " \t");
	bad = parse_length(p, &len);
	if (bad != NULL) {
		return bad;
	}
	*p += strspn(*p, " \t");
	if (strncmp(*p, "remote", strlen("remote")) == 0) {
		f->can.can_id |= CAN_RTR_FLAG;
		f->can.len = (uint8_t)len;
		return NULL;
	}
	bad = len == 0 ? NULL : parse_bytes(p, f, len);
	if (bad != NULL) {
		return bad;
	}
	*p += strspn(*p, " \t");
	if (f->can.len != len || (hex_digit((*p)[0]) >= 0 && hex_digit((*p)[1]) >= 0)) {
		return "there are not as many data bytes as the brackets say";
	}
	return NULL;
}

static const char *skip_word(const char *p)
{
	p += strcspn(p, " \t");
	return p + strspn(p, " \t");
}

/* Lines of candump -e that say in words what the error frame above them is. */
static bool is_detail(const struct canbus *bus, const char *line)
{
	return bus->error_above && *line == '\t';
}

static const char *parse_line(const char *p, struct canbus_frame *f)
{
	const char *bad = NULL;

	if (*p == '(') {
		bad = parse_time(&p, f);
		p += bad == NULL ? strspn(p, " \t") : 0;
	}
	if (bad == NULL && memchr(p, '#', strcspn(p, " \t")) == NULL) { /* an interface first */
		(void)snprintf(f->ifname, sizeof(f->ifname), "%.*s", (int)strcspn(p, " \t"), p);
		p = skip_word(p);
		if (strncmp(p, "RX ", 3) == 0 || strncmp(p, "TX ", 3) == 0) {
			for (int i = 0; i <= CANDUMP_FLAGS; i++) {
				p = skip_word(p);
			}
		}
	}
	if (bad == NULL) {
		bad = parse_id(&p, f);
	}
	if (bad != NULL) {
		return bad;
	}
	return *p == '#' ? parse_compact(&p, f) : parse_spaced(&p, f);
}

/* ---- read ---- */

static int wait_readable(const struct canbus *bus, int timeout_ms)
{
	struct pollfd p = {.fd = bus->fd, .events = POLLIN};
	const int n = poll(&p, 1, timeout_ms);

	return n > 0 ? 0 : (n == 0 ? -EAGAIN : -errno);
}

/* The next line of the log in bus->buf from bus->pos on; its end is cut to '\0'. */
static int next_line(struct canbus *bus, int timeout_ms, char **ret_line)
{
	for (;;) {
		char *start = bus->buf + bus->pos;
		char *end = memchr(start, '\n', bus->fill - bus->pos);
		ssize_t n;
		int err;

		if (end == NULL && bus->ended && bus->fill > bus->pos) {
			end = bus->buf + bus->fill++;
		}
		if (end != NULL) {
			*end = '\0';
			bus->pos = (size_t)(end - bus->buf) + 1;
			bus->line++;
			*ret_line = start;
			return 0;
		}
		if (bus->ended) {
			return -ENODATA;
		}
		bus->fill -= bus->pos;
		memmove(bus->buf, start, bus->fill);
		bus->pos = 0;
		if (bus->fill == sizeof(bus->buf) - 1) {
			bus->fill = 0;
			return set_why(bus, -EBADMSG,
				       "%s:%lu: longer than %zu characters: is this a log of "
				       "candump?",
				       bus->spec, bus->line + 1, sizeof(bus->buf) - 1);
		}
		err = wait_readable(bus, timeout_ms);
		if (err != 0) {
			return err;
		}
		n = read(bus->fd, bus->buf + bus->fill, sizeof(bus->buf) - 1 - bus->fill);
		if (n < 0) {
			return -errno;
		}
		bus->ended = n == 0;
		bus->fill += (size_t)n;
	}
}

static int read_log(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame)
{
	for (;;) {
		struct canbus_frame f = {0};
		const char *bad;
		char *line = bus->buf;
		const int err = next_line(bus, timeout_ms, &line);

		if (err == -EBADMSG || err == -EAGAIN || err == -EINTR || err == -ENODATA) {
			return err;
		}
		if (err != 0) {
			return set_why(bus, err, "%s: %s", bus->spec, strerror(-err));
		}
		if (bus->line == 1 &&
		    strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
			line += strlen(BYTE_ORDER_MARK);
		}
		if (is_detail(bus, line)) {
			continue;
		}
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#') {
			continue;
		}
		line[strcspn(line, "\r")] = '\0';
		bad = parse_line(line, &f);
		bus->error_above = bad == NULL && (f.can.can_id & CAN_ERR_FLAG) != 0;
		if (bad == NULL) {
			*ret_frame = f;
			return 0;
		}
		for (char *c = line; *c != '\0'; c++) { /* it may be a binary file */
			*c = isprint((unsigned char)*c) ? *c : '?';
		}
		return set_why(bus, -EBADMSG,
			       "%s:%lu: %s: \"%.*s\"; expected \"(12.345678) can0 351#1402\" or "
			       "\"can0  351   [2]  14 02\"",
			       bus->spec, bus->line, bad, BAD_LINE_SHOWN, line);
	}
}

static int read_socket(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame)
{
	struct can_frame can = {0};
	ssize_t n;
	int err = wait_readable(bus, timeout_ms);

	if (err != 0) {
		return err;
	}
	n = recv(bus->fd, &can, sizeof(can), MSG_TRUNC);
	err = n < 0 ? -errno : 0;
	if (err == -EAGAIN || err == -EINTR) {
		return err;
	}
	if (err == -ENETDOWN) {
		return set_why(bus, err, "%s went down", bus->spec);
	}
	if (err != 0) {
		return set_why(bus, err, "%s: %s; is the adapter still there?", bus->spec,
			       strerror(-err));
	}
	if (n == 0 && bus->kind == CANBUS_BENCH) {
		return set_why(bus, -EPIPE,
			       "%s: the daemon closed the bus (it stopped, or this tool read too "
			       "slowly); start again",
			       bus->spec);
	}
	if (n != (ssize_t)sizeof(can) || can.len > CAN_MAX_DLEN) {
		return set_why(bus, -EBADMSG, "%s: record of %zd bytes, length %u: no CAN frame",
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
	return bus->kind == CANBUS_LOG ? read_log(bus, timeout_ms, ret_frame)
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

/* ---- error frames ---- */

struct bit_word {
	uint32_t bit;
	const char *word;
};

static const struct bit_word error_classes[] = {
	{CAN_ERR_TX_TIMEOUT, "transmit time-out"},
	{CAN_ERR_LOSTARB, "lost arbitration"},
	{CAN_ERR_PROT, "protocol violation"},
	{CAN_ERR_TRX, "transceiver fault"},
	{CAN_ERR_ACK, "no acknowledge: no other node hears us"},
	{CAN_ERR_BUSOFF, "bus-off: the controller left the bus"},
	{CAN_ERR_BUSERROR, "bus error"},
	{CAN_ERR_RESTARTED, "controller restarted"},
};

/* Byte 1 of a frame of class CAN_ERR_CRTL. */
static const struct bit_word controller_states[] = {
	{CAN_ERR_CRTL_RX_OVERFLOW, "receive overrun: frames were lost"},
	{CAN_ERR_CRTL_TX_OVERFLOW, "transmit overrun"},
	{CAN_ERR_CRTL_RX_WARNING, "error warning (receive)"},
	{CAN_ERR_CRTL_TX_WARNING, "error warning (transmit)"},
	{CAN_ERR_CRTL_RX_PASSIVE, "error passive (receive)"},
	{CAN_ERR_CRTL_TX_PASSIVE, "error passive (transmit)"},
	{CAN_ERR_CRTL_ACTIVE, "error active again"},
};

static void add_words(char *text, size_t size, const struct bit_word *words, size_t count,
		      uint32_t bits)
{
	for (size_t i = 0; i < count; i++) {
		const size_t used = strlen(text);

		if ((bits & words[i].bit) != 0) {
			(void)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
				       words[i].word);
		}
	}
}

void canbus_error_text(const struct can_frame *frame, char *text, size_t size)
{
	const uint32_t class = frame->can_id & CAN_ERR_MASK;
	size_t used;

	text[0] = '\0';
	add_words(text, size, error_classes, sizeof(error_classes) / sizeof(error_classes[0]),
		  class);
	if ((class & CAN_ERR_CRTL) != 0) {
		add_words(text, size, controller_states,
			  sizeof(controller_states) / sizeof(controller_states[0]), frame->data[1]);
	}
	used = strlen(text);
	if (used == 0) {
		(void)snprintf(text, size, "unspecified error, class 0x%X", class);
		used = strlen(text);
	}
	if ((class & CAN_ERR_CNT) != 0) {
		(void)snprintf(text + used, size - used, "; error counters transmit %u, receive %u",
			       frame->data[6], frame->data[7]);
	}
}
