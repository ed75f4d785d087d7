/* SPDX-License-Identifier: Apache-2.0 */
/* The JK BMS on a pseudo terminal: see sim_bms.h. */
#include "sim_bms.h"
#include "sim_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	 INT64_C(1000000000)
#define NS_PER_MS	 INT64_C(1000000)
#define BYTE_NS		 INT64_C(86806)	 /* 10 bits at 115200 baud */
#define TURNAROUND_NS	 INT64_C(400000) /* measured on real devices: 0.18 to 0.45 ms */
#define READ_CHUNK	 256
#define GARBAGE_MAX	 2048 /* bytes in one go */
#define GARBAGE_STEP_NS	 INT64_C(2000000)
#define WRITE_STEP_NS	 INT64_C(1000000) /* USB adapters deliver in chunks of about 1 ms */
#define COMMAND_AT	 8
#define TYPE_AT		 10
#define COMMAND_READ_ALL 0x06U

int64_t sim_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int sim_bms_open(struct sim_bms *l, const char *link, bool paced, uint32_t seed, char *err,
		 size_t err_len)
{
	memset(l, 0, sizeof(*l));
	l->spare = -1;
	l->byte_ns = paced ? BYTE_NS : 0;
	l->faults.truncate = -1;
	l->faults.reply_ms = -1;
	l->faults.repeat = 1;
	sim_random_init(&l->rnd, seed);
	if (strlen(link) >= sizeof(l->link)) {
		snprintf(err, err_len, "link: longer than %zu characters", sizeof(l->link) - 1U);
		l->master = -1;
		return -ENAMETOOLONG;
	}
	snprintf(l->link, sizeof(l->link), "%s", link);
	l->master = sim_pty_open(l->name);
	if (l->master < 0) {
		snprintf(err, err_len, "no pseudo terminal: %s", strerror(-l->master));
		return l->master;
	}
	const int rc = sim_pty_link(link, l->name);

	if (rc != 0) {
		snprintf(err, err_len, "%s: %s", link,
			 rc == -EEXIST ? "exists and is no symbolic link: choose another path"
				       : strerror(-rc));
		close(l->master);
		l->master = -1;
	}
	return rc;
}

void sim_bms_close(struct sim_bms *l)
{
	if (l->master >= 0) {
		(void)unlink(l->link);
		close(l->master);
		l->master = -1;
	}
	if (l->spare >= 0) {
		close(l->spare);
		l->spare = -1;
	}
}

void sim_bms_unplug(struct sim_bms *l, int64_t now_ns, double seconds)
{
	if (l->spare < 0) {
		l->spare = sim_pty_open(l->spare_name);
	}
	if (l->master >= 0) {
		(void)unlink(l->link);
		close(l->master);
		l->master = -1;
	}
	l->tx_len = 0;
	l->tx_pos = 0;
	l->request_len = 0;
	l->attached = false;
	l->replug_ns = now_ns + (int64_t)(seconds * (double)NS_PER_S);
}

static void replug(struct sim_bms *l)
{
	if (l->spare < 0) {
		l->spare = sim_pty_open(l->spare_name);
	}
	if (l->spare < 0 || sim_pty_link(l->link, l->spare_name) != 0) {
		return; /* next step tries again */
	}
	l->master = l->spare;
	l->spare = -1;
	memcpy(l->name, l->spare_name, sizeof(l->name));
	l->replug_ns = 0;
}

/*
 * A client may leave the terminal in exclusive mode, which outlives it as long as this side is open.
 * A real adapter forgets it with the last close.
 */
static void last_close(struct sim_bms *l)
{
	const int fd = open(l->name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		ioctl(fd, TIOCNXCL);
		tcflush(fd, TCIOFLUSH);
		close(fd);
	} else if (errno == EBUSY) {
		sim_bms_unplug(l, sim_now(), 0);
	}
	l->tx_len = 0;
	l->tx_pos = 0;
	l->request_len = 0;
}

static void check_attached(struct sim_bms *l)
{
	struct pollfd p = {.fd = l->master};
	const bool attached = poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
	const bool left = l->attached && !attached;

	l->attached = attached;
	if (left) {
		last_close(l);
	}
}

static bool write_all(struct sim_bms *l, const uint8_t *data, size_t len)
{
	if (l->master < 0 || !l->attached) {
		return true; /* nobody listens: the bytes are gone, as on a wire */
	}
	const ssize_t n = write(l->master, data, len);

	return n == (ssize_t)len;
}

void sim_bms_send(struct sim_bms *l, const uint8_t *data, size_t len)
{
	(void)write_all(l, data, len);
}

static uint8_t damaged(struct sim_bms *l, uint8_t byte)
{
	if (l->faults.noise > 0 && sim_random_unit(&l->rnd) < l->faults.noise) {
		return byte ^ (uint8_t)(1U + sim_random_next(&l->rnd) % 255U);
	}
	return byte;
}

static void append(struct sim_bms *l, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && l->tx_len < sizeof(l->tx); i++) {
		l->tx[l->tx_len++] = damaged(l, data[i]);
	}
}

static void begin_reply(struct sim_bms *l, const struct sim_image *img, int64_t now_ns)
{
	const struct sim_faults *f = &l->faults;
	uint16_t mv[SIM_CELLS_MAX];
	const int cells = sim_image_cells(img, mv);

	if (!f->frozen || l->last_frame_len == 0) {
		l->last_frame_len = sim_image_encode(img, l->last_frame);
	}
	uint8_t frame[SIM_FRAME_MAX];
	size_t len = l->last_frame_len;

	memcpy(frame, l->last_frame, len);
	if (f->badsum) {
		frame[len - 1] ^= 0x01U;
	}
	if (f->truncate >= 0 && (size_t)f->truncate < len) {
		len = (size_t)f->truncate;
	}
	l->tx_len = 0;
	l->tx_pos = 0;
	append(l, f->prefix, f->prefix_len);
	for (int i = 0; i < f->repeat; i++) {
		append(l, frame, len);
	}
	l->tx_start_ns = now_ns + (f->reply_ms >= 0 ? f->reply_ms * NS_PER_MS : TURNAROUND_NS);
	l->mark = (struct sim_mark){.seq = l->replies + 1,
				    .request_ns = now_ns,
				    .bytes = l->tx_len,
				    .min_mv = UINT16_MAX};
	for (int i = 0; i < cells; i++) {
		l->mark.max_mv = mv[i] > l->mark.max_mv ? mv[i] : l->mark.max_mv;
		l->mark.min_mv = mv[i] < l->mark.min_mv ? mv[i] : l->mark.min_mv;
	}
}

static bool sum_ok(const uint8_t *r)
{
	unsigned int sum = 0;

	for (int i = 0; i < SIM_REQUEST_LEN - 4; i++) {
		sum += r[i];
	}
	return (sum & 0xFFFFU) ==
	       ((unsigned int)r[SIM_REQUEST_LEN - 2] << 8 | r[SIM_REQUEST_LEN - 1]);
}

static void take_byte(struct sim_bms *l, const struct sim_image *img, uint8_t byte, int64_t now_ns)
{
	static const uint8_t head[] = {0x4E, 0x57, 0x00, 0x13};

	if (l->request_len < sizeof(head) && byte != head[l->request_len]) {
		l->other_bytes += (uint32_t)l->request_len;
		l->request_len = 0;
		if (byte != head[0]) {
			l->other_bytes++;
			return;
		}
	}
	l->request[l->request_len++] = byte;
	if (l->request_len < SIM_REQUEST_LEN) {
		return;
	}
	l->request_len = 0;
	if (!sum_ok(l->request) || l->request[COMMAND_AT] != COMMAND_READ_ALL ||
	    l->request[TYPE_AT] != 0) {
		l->other_bytes += SIM_REQUEST_LEN;
		return;
	}
	l->requests++;
	if (l->faults.silent || l->tx_pos < l->tx_len) {
		l->ignored_requests++;
		return;
	}
	begin_reply(l, img, now_ns);
}

static void read_requests(struct sim_bms *l, const struct sim_image *img)
{
	uint8_t buf[READ_CHUNK];
	const ssize_t n = read(l->master, buf, sizeof(buf));
	const int64_t now_ns = sim_now();

	for (ssize_t i = 0; i < n; i++) {
		take_byte(l, img, buf[i], now_ns);
	}
}

static int64_t byte_time(const struct sim_bms *l)
{
	return l->faults.drip_ms > 0 ? l->faults.drip_ms * NS_PER_MS : l->byte_ns;
}

/* Return: true if the last byte of a reply went out. */
static bool write_due(struct sim_bms *l, int64_t now_ns)
{
	if (l->tx_pos >= l->tx_len || now_ns < l->tx_start_ns) {
		return false;
	}
	const int64_t each = byte_time(l);
	size_t due = l->tx_len;

	if (each > 0) {
		const int64_t n = (now_ns - l->tx_start_ns) / each;

		due = n < (int64_t)l->tx_len ? (size_t)n : l->tx_len;
	}
	if (due <= l->tx_pos || !write_all(l, &l->tx[l->tx_pos], due - l->tx_pos)) {
		return false;
	}
	if (l->tx_pos == 0) {
		l->mark.first_ns = sim_now();
	}
	l->tx_pos = due;
	if (due < l->tx_len) {
		return false;
	}
	l->mark.last_ns = sim_now();
	l->replies++;
	return true;
}

static void write_garbage(struct sim_bms *l, int64_t now_ns)
{
	uint8_t buf[GARBAGE_MAX];

	if (l->faults.garbage_rate <= 0) {
		l->garbage_ns = now_ns;
		return;
	}
	int64_t n = (now_ns - l->garbage_ns) * l->faults.garbage_rate / NS_PER_S;

	if (n <= 0) {
		return;
	}
	l->garbage_ns += n * NS_PER_S / l->faults.garbage_rate;
	n = n < GARBAGE_MAX ? n : GARBAGE_MAX;
	for (int64_t i = 0; i < n; i++) {
		buf[i] = (uint8_t)(sim_random_next(&l->rnd) >> 16);
	}
	(void)write_all(l, buf, (size_t)n);
}

bool sim_bms_step(struct sim_bms *l, const struct sim_image *img, int64_t now_ns)
{
	if (l->master < 0) {
		if (l->replug_ns != 0 && now_ns >= l->replug_ns) {
			replug(l);
		}
		return false;
	}
	check_attached(l);
	if (l->master < 0 || !l->attached) {
		return false;
	}
	read_requests(l, img);
	write_garbage(l, now_ns);
	return write_due(l, sim_now());
}

int64_t sim_bms_due(const struct sim_bms *l)
{
	if (l->master < 0) {
		return l->replug_ns != 0 ? l->replug_ns : INT64_MAX;
	}
	int64_t due = INT64_MAX;

	if (l->faults.garbage_rate > 0) {
		due = l->garbage_ns + GARBAGE_STEP_NS;
	}
	if (l->tx_pos < l->tx_len) {
		const int64_t end = l->tx_start_ns + (int64_t)l->tx_len * byte_time(l);
		const int64_t next = l->tx_start_ns + (int64_t)(l->tx_pos + 1U) * byte_time(l);
		const int64_t step = l->tx_pos > 0 ? WRITE_STEP_NS : 0; /* the first one at once */
		const int64_t chunk = next + step < end ? next + step : end;

		due = chunk < due ? chunk : due;
	}
	return due;
}
