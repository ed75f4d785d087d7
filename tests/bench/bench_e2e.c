/* SPDX-License-Identifier: Apache-2.0 */
/*
 * End-to-end latency of the whole daemon: last byte of a BMS reply written to the pty -> frame
 * 0x351 with charge limit 0 received from the bench bus. The far ends of both lines are in this
 * one process, so both time stamps come from one clock.
 *
 *   bench_e2e JKPYLOND [-n EVENTS] [-p PERIOD_MS] [-l LIMIT_US] [-j]
 *
 * What is not in the figure: the wire itself (25.3 ms for 291 bytes at 115200 baud, 0.27 ms for
 * 0x351 at 500 kbit/s), the USB adapter and the turn-around of the BMS. With -l the 99th percentile
 * is judged. Exit status: 0, 1 if the limit is exceeded, 2 if the daemon did not run.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/can.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/bench.h"

#define EVENTS_DEFAULT 60
#define EVENTS_MAX     100000
#define CELL_NORMAL_MV 3360
#define CELL_HIGH_MV   3555 /* above the limit level, less than a jump of 200 mV away */
#define START_MAX_MS   10000
#define EVENT_MAX_MS   10000
#define WIRE_REPLY_US  25260 /* 291 bytes, 10 bits each, 115200 baud */
#define PHASE_STEP_US  1237  /* steps of the reply against the period of the daemon */
#define PHASE_RANGE_US 5000
#define WIRE_FRAME_US  270 /* 8 data bytes, stuffed, 500 kbit/s */

struct rig {
	char dir[64];
	char config[96];
	char bus[96];
	char tty[96];
	int bms;
	int can;
	pid_t daemon;
	struct bench_battery battery;
	uint8_t request[JK_REQUEST_SIZE];
	size_t request_len;
	int64_t last_byte_ns; /* of the first reply with the high cell */
	uint32_t replies_high;
	uint32_t repeated; /* events that took more than one reply: the machine stood still */
	uint32_t phase;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_e2e: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void write_config(struct rig *r, int period_ms)
{
	FILE *f = fopen(r->config, "w");

	if (f == NULL) {
		die(r->config);
	}
	fprintf(f,
		"[bms]\ndevice = %s\npoll = 100ms\n"
		"[can]\ninterface = unix:%s\nmanage = no\n"
		"[limits]\ncharge_max = 60A\ndischarge_max = 60A\nrise = 100A/s\ncalm = 0s\n"
		"ratchet = no\n"
		"[rt]\nperiod = %dms\nrequired = no\nstats = %s/stats\n"
		"[failsafe]\nstate = %s/state\n",
		r->tty, r->bus, period_ms, r->dir, r->dir);
	if (fclose(f) != 0) {
		die(r->config);
	}
}

static void open_rig(struct rig *r, const char *daemon, int period_ms)
{
	char slave_name[64];
	struct termios raw;
	int slave = -1;

	memset(r, 0, sizeof(*r));
	bench_battery_default(&r->battery);
	bench_battery_all(&r->battery, CELL_NORMAL_MV);
	snprintf(r->dir, sizeof(r->dir), "/tmp/bench_e2e.XXXXXX");
	if (mkdtemp(r->dir) == NULL) {
		die("mkdtemp");
	}
	snprintf(r->config, sizeof(r->config), "%s/conf", r->dir);
	snprintf(r->bus, sizeof(r->bus), "%s/bus", r->dir);
	memset(&raw, 0, sizeof(raw));
	cfmakeraw(&raw);
	if (openpty(&r->bms, &slave, slave_name, &raw, NULL) != 0) {
		die("openpty");
	}
	snprintf(r->tty, sizeof(r->tty), "%s", slave_name);
	fcntl(r->bms, F_SETFL, O_NONBLOCK);
	write_config(r, period_ms);
	r->can = -1;
	r->daemon = fork();
	if (r->daemon < 0) {
		die("fork");
	}
	if (r->daemon == 0) {
		execl(daemon, daemon, "--config", r->config, (char *)NULL);
		_exit(127);
	}
	/* Keep our own end of the slave open, so that the pty never hangs up. */
}

static void close_rig(struct rig *r)
{
	int status = 0;
	char path[128];

	kill(r->daemon, SIGTERM);
	waitpid(r->daemon, &status, 0);
	snprintf(path, sizeof(path), "%s/stats", r->dir);
	unlink(path);
	unlink(r->config);
	unlink(r->bus);
	rmdir(r->dir);
}

static void join_bus(struct rig *r)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const int64_t end = now_ns() + START_MAX_MS * NS_PER_MS;

	memcpy(a.sun_path, r->bus, strlen(r->bus) + 1);
	while (now_ns() < end) {
		const struct timespec nap = {.tv_nsec = 20 * NS_PER_MS};

		r->can = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (r->can >= 0 && connect(r->can, (const struct sockaddr *)&a, sizeof(a)) == 0) {
			return;
		}
		close(r->can);
		if (waitpid(r->daemon, NULL, WNOHANG) == r->daemon) {
			fprintf(stderr, "bench_e2e: the daemon ended at start\n");
			exit(2);
		}
		nanosleep(&nap, NULL);
	}
	errno = ETIMEDOUT;
	die(r->bus);
}

/* 0..4999 us, evenly spread: the replies must meet every phase of the daemon's period. */
static long phase_ns(struct rig *r)
{
	r->phase = (r->phase + PHASE_STEP_US) % PHASE_RANGE_US;
	return (long)r->phase * NS_PER_US;
}

static void serve_bms(struct rig *r)
{
	uint8_t buf[256];
	const ssize_t n = read(r->bms, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		r->request[r->request_len++] = buf[i];
		if (r->request_len < JK_REQUEST_SIZE) {
			continue;
		}
		uint8_t reply[JK_FRAME_MAX];
		const uint32_t len = bench_reply_build(&r->battery, reply);

		r->request_len = 0;
		/* As long as the wire takes, at any phase of the daemon's period. */
		const struct timespec wire = {.tv_nsec = WIRE_REPLY_US * NS_PER_US + phase_ns(r)};

		nanosleep(&wire, NULL);
		/* All but the last byte, then the last: the clock starts before it is written. */
		if (write(r->bms, reply, len - 1U) != (ssize_t)len - 1) {
			die("write to the pty");
		}
		const int64_t at = now_ns();

		if (write(r->bms, reply + len - 1U, 1) != 1) {
			die("write to the pty");
		}
		if (r->battery.cell_mv[0] == CELL_HIGH_MV) {
			r->last_byte_ns = r->replies_high == 0 ? at : r->last_byte_ns;
			r->replies_high++;
		}
	}
}

/* Return: charge limit of a received 0x351 in 0.1 A, or -1 if there was none. */
static int read_limit(struct rig *r, int64_t *ret_ns)
{
	struct can_frame f;
	int limit = -1;

	while (recv(r->can, &f, sizeof(f), 0) == (ssize_t)sizeof(f)) {
		if (f.can_id == PYLON_ID_LIMITS) {
			*ret_ns = now_ns();
			limit = f.data[2] | f.data[3] << 8;
		}
	}
	return limit;
}

/* Serve both lines until the charge limit is zero (or not). Return: time of that frame. */
static int64_t wait_limit(struct rig *r, bool zero)
{
	const int64_t end = now_ns() + EVENT_MAX_MS * NS_PER_MS;

	while (now_ns() < end) {
		struct pollfd p[2] = {{r->bms, POLLIN, 0}, {r->can, POLLIN, 0}};
		int64_t at = 0;

		poll(p, 2, 100);
		if ((p[1].revents & POLLIN) != 0) {
			const int limit = read_limit(r, &at);

			if (limit >= 0 && (limit == 0) == zero) {
				return at;
			}
		}
		if ((p[0].revents & POLLIN) != 0) {
			serve_bms(r);
		}
	}
	errno = ETIMEDOUT;
	die(zero ? "no frame with charge limit 0" : "no frame with a charge limit");
	return 0;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a;
	const int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t percentile_us(const int64_t *ns, int n, int permille)
{
	return ns[min_i32((int32_t)((int64_t)n * permille / 1000), n - 1)] / NS_PER_US;
}

static void be_realtime(void)
{
	const struct sched_param sp = {.sched_priority = 60};

	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &sp) != 0) {
		fprintf(stderr,
			"bench_e2e: no realtime rights for the measuring side (%s): its own "
			"wake-ups are in the figure\n",
			strerror(errno));
	}
}

int main(int argc, char **argv)
{
	static int64_t latency[EVENTS_MAX];
	int events = EVENTS_DEFAULT;
	int period_ms = 5;
	long limit_us = 0;
	bool json = false;
	struct rig r;
	int opt = 0;

	while ((opt = getopt(argc, argv, "n:p:l:j")) != -1) {
		switch (opt) {
		case 'n':
			events = clamp_i32((int32_t)strtoll(optarg, NULL, 10), 1, EVENTS_MAX);
			break;
		case 'p':
			period_ms = clamp_i32((int32_t)strtoll(optarg, NULL, 10), 1, 20);
			break;
		case 'l':
			limit_us = (long)strtoll(optarg, NULL, 10);
			break;
		case 'j':
			json = true;
			break;
		default:
			fprintf(stderr, "usage: bench_e2e [-n EVENTS] [-p PERIOD_MS] [-l LIMIT_US] "
					"[-j] JKPYLOND\n");
			return 2;
		}
	}
	if (optind >= argc) {
		fprintf(stderr, "bench_e2e: which jkpylond?\n");
		return 2;
	}
	open_rig(&r, argv[optind], period_ms);
	join_bus(&r);
	be_realtime();
	for (int i = 0; i < events; i++) {
		bench_battery_all(&r.battery, CELL_NORMAL_MV);
		(void)wait_limit(&r, false);
		bench_battery_all(&r.battery, CELL_HIGH_MV);
		r.replies_high = 0;
		latency[i] = wait_limit(&r, true) - r.last_byte_ns;
		if (r.replies_high == 0) {
			fprintf(stderr, "bench_e2e: event %d: 0 A without a reply\n", i);
			close_rig(&r);
			return 2;
		}
		r.repeated += r.replies_high > 1 ? 1U : 0U;
	}
	close_rig(&r);
	qsort(latency, (size_t)events, sizeof(latency[0]), compare);
	const int64_t p50 = percentile_us(latency, events, 500);
	const int64_t p99 = percentile_us(latency, events, 990);
	const int64_t max = latency[events - 1] / NS_PER_US;

	if (json) {
		printf("{\"events\":%d,\"period_us\":%d,\"p50_us\":%lld,\"p99_us\":%lld,"
		       "\"max_us\":%lld,\"repeated\":%u,\"wire_reply_us\":%d,"
		       "\"wire_frame_us\":%d}\n",
		       events, period_ms * 1000, (long long)p50, (long long)p99, (long long)max,
		       r.repeated, WIRE_REPLY_US, WIRE_FRAME_US);
	} else {
		printf("last byte of the BMS reply -> 0x351 with 0 A received, %d events, period %d "
		       "ms\n  p50 %lld us  p99 %lld us  max %lld us  (the wire adds %d us for the "
		       "reply and %d us for the frame)\n  %u events took more than one reply\n",
		       events, period_ms, (long long)p50, (long long)p99, (long long)max,
		       WIRE_REPLY_US, WIRE_FRAME_US, r.repeated);
	}
	if (limit_us > 0 && p99 > limit_us) {
		fprintf(stderr, "bench_e2e: p99 %lld us is above %ld us\n", (long long)p99,
			limit_us);
		return 1;
	}
	return 0;
}
