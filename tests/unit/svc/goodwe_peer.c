/* SPDX-License-Identifier: Apache-2.0 */
#include "goodwe_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM   512
#define FLOOD	   3000
#define FRAME_AA55 9
#define RUNTIME	   140
#define DEVICE	   77

struct peer peer;

static struct {
	int fd;
	int stranger;
	pthread_t thread;
	_Atomic uint32_t quit;
} own;

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_string(uint8_t *p, const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		p[i] = (uint8_t)text[i];
	}
}

static size_t frame_aa55(uint8_t *f, uint8_t function, size_t len)
{
	const uint8_t head[] = {0xAA, 0x55, 0x7F, 0xC0, 1, function, (uint8_t)len};
	uint32_t sum = 0;

	memcpy(f, head, sizeof(head));
	for (size_t i = 0; i < len + 7; i++) {
		sum += f[i];
	}
	put16(f + len + 7, sum);
	return len + FRAME_AA55;
}

static size_t end_modbus(uint8_t *f, size_t len)
{
	uint32_t crc = 0xFFFF;

	for (size_t i = 2; i < len; i++) {
		crc ^= f[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 1U) != 0 ? crc >> 1 ^ 0xA001U : crc >> 1;
		}
	}
	f[len] = (uint8_t)crc;
	f[len + 1] = (uint8_t)(crc >> 8);
	return len + 2;
}

static bool says_wrong_soc(void)
{
	return peer.fault == FAULT_LATE || peer.fault == FAULT_PORT;
}

static uint32_t soc(void)
{
	return says_wrong_soc() ? PEER_LATE_SOC : peer.soc_pct;
}

static size_t runtime_aa55(uint8_t *f)
{
	uint8_t *d = f + 7;

	put16(d + 10, peer.voltage_dv);
	put16(d + 18, peer.current_da);
	d[26] = (uint8_t)soc();
	d[30] = (uint8_t)peer.mode;
	put16(d + 38, 321);
	d[80] = 2;
	return frame_aa55(f, 0x86, RUNTIME);
}

static size_t device_aa55(uint8_t *f)
{
	put_string(f + 7, "1010BGW3648-EM");
	if (peer.kind == PEER_ES_G2) {
		memset(f + 7, 0, 15);
	} else if (peer.kind == PEER_ET) {
		put_string(f + 12, "GW10K-ET  ");
	}
	put_string(f + 7 + 31, "93648EMU00AW0001");
	put_string(f + 7 + 51, "410-04000-10");
	return frame_aa55(f, 0x82, DEVICE);
}

static size_t answer_aa55(const uint8_t *q, uint8_t *f)
{
	uint8_t function = q[5];

	if (q[4] != 1 || (function != 2 && function != 6 && function != 9)) {
		peer.writes++;
		return 0;
	}
	if (peer.kind == PEER_MODBUS || (function != 2 && peer.kind != PEER_AA55)) {
		return 0;
	}
	if (peer.fault == FAULT_TYPE) {
		function = function == 6 ? 2 : 6;
	}
	return function == 6 ? runtime_aa55(f) : device_aa55(f);
}

static size_t answer_modbus(const uint8_t *q, uint8_t *f)
{
	const uint32_t first = (uint32_t)(q[2] << 8 | q[3]);
	size_t bytes = q[5] * 2U;
	const bool charging = peer.mode == 3;
	const uint8_t head[] = {0xAA, 0x55, 0xF7, 3, (uint8_t)bytes};

	if (q[1] != 3) {
		peer.writes++;
		return 0;
	}
	if (peer.kind == PEER_AA55 || peer.kind == PEER_NOTHING_BUT_AA55_NAME) {
		return 0;
	}
	if (peer.fault == FAULT_PACK_SILENT && first == 37000) {
		return 0;
	}
	memcpy(f, head, sizeof(head));
	if (peer.fault == FAULT_EXCEPTION || (peer.fault == FAULT_NO_PACK && first == 37000)) {
		f[3] = 0x83;
		f[4] = 2;
		return end_modbus(f, 5);
	}
	if (peer.fault == FAULT_TYPE) {
		bytes -= 2;
		f[4] = (uint8_t)bytes;
	}
	if (first == 35000) {
		put_string(f + 5 + 6, "9010KETU21BW0000GW10K-ET");
		put_string(f + 5 + 42, "04029-07-S11");
	} else if (first == 35100) {
		const int32_t sign = charging ? -1 : 1;
		const int32_t da = sign * (int32_t)peer.current_da;

		put16(f + 5 + 2 * 40, (uint32_t)-321);
		put16(f + 5 + 2 * 80, peer.voltage_dv);
		put16(f + 5 + 2 * 81, (uint32_t)da);
		put16(f + 5 + 2 * 82, 0x7FFF);
		put16(f + 5 + 2 * 83, 0xFFFF);
		put16(f + 5 + 2 * 84, peer.mode);
	} else if (first == 37000) {
		put16(f + 5 + 2 * 7, soc());
	}
	return end_modbus(f, 5 + bytes);
}

static void reply(int fd, const struct sockaddr_in *to, const uint8_t *f, size_t len)
{
	(void)!sendto(fd, f, len, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to));
	peer.answers++;
}

static void noise(const struct sockaddr_in *to, int n)
{
	uint8_t junk[64];

	for (int i = 0; i < n; i++) {
		memset(junk, i, sizeof(junk));
		(void)!sendto(own.fd, junk, (size_t)i % sizeof(junk), MSG_DONTWAIT,
			      (const struct sockaddr *)to, sizeof(*to));
	}
}

static void late(void)
{
	const struct timespec t = {.tv_nsec = (long)peer.late_ms * 1000000};

	nanosleep(&t, NULL);
}

/* Damages the answer. Return: its length. */
static size_t damage(uint32_t fault, uint8_t *f, size_t len)
{
	switch (fault) {
	case FAULT_CUT:
		return len - 9;
	case FAULT_LONG:
		/* Behind a Modbus frame bytes are usual: there it is the length that is wrong. */
		f[4] = (uint8_t)(f[2] == 0xF7 ? f[4] + 2 : f[4]);
		return len + (f[2] == 0xF7 ? 2U : 1U);
	case FAULT_SUM:
		f[len - 1] ^= 1U;
		return len;
	case FAULT_OTHER:
		f[2] = f[2] == 0xF7 ? 0x7F : 0xF7;
		f[3] = f[2] == 0xF7 ? 3 : 0xC0;
		return len;
	default:
		return len;
	}
}

static void serve(const uint8_t *q, size_t n, const struct sockaddr_in *from)
{
	uint8_t f[DATAGRAM] = {0};
	const uint32_t fault = peer.fault;
	size_t len = 0;

	peer.requests++;
	if (n == 9 && q[0] == 0xAA) {
		len = answer_aa55(q, f);
	} else if (n == 8 && q[0] == 0xF7) {
		len = answer_modbus(q, f);
	} else {
		peer.writes++;
	}
	if (len == 0 || fault == FAULT_SILENT) {
		return;
	}
	len = damage(fault, f, len);
	if (fault == FAULT_ECHO) {
		reply(own.fd, from, q, n);
		return;
	}
	if (fault == FAULT_NOISE || fault == FAULT_NOISE_THEN_ANSWER || fault == FAULT_FLOOD) {
		noise(from, fault == FAULT_FLOOD ? FLOOD : 3);
		if (fault != FAULT_NOISE_THEN_ANSWER) {
			return;
		}
	}
	if (fault == FAULT_LATE) {
		late();
	}
	reply(fault == FAULT_PORT ? own.stranger : own.fd, from, f, len);
	if (fault == FAULT_TWICE) {
		reply(own.fd, from, f, len);
	}
}

static void *run(void *arg)
{
	while (own.quit == 0) {
		struct pollfd p = {.fd = own.fd, .events = POLLIN};
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint8_t q[DATAGRAM];

		if (poll(&p, 1, 10) <= 0) {
			continue;
		}
		const ssize_t n = recvfrom(own.fd, q, sizeof(q), MSG_DONTWAIT,
					   (struct sockaddr *)&from, &size);

		if (n >= 0) {
			serve(q, (size_t)n, &from);
		}
	}
	return arg;
}

static int open_port(uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
		abort();
	}
	*ret_port = ntohs(a.sin_port);
	return fd;
}

void peer_start(enum peer_kind kind)
{
	uint16_t stranger = 0;

	memset(&peer, 0, sizeof(peer));
	peer.kind = kind;
	peer.mode = 2;
	peer.voltage_dv = 520;
	peer.current_da = 100;
	peer.soc_pct = 77;
	own.fd = open_port(&peer.port);
	own.stranger = open_port(&stranger);
	own.quit = 0;
	if (pthread_create(&own.thread, NULL, run, NULL) != 0) {
		abort();
	}
}

void peer_stop(void)
{
	own.quit = 1;
	pthread_join(own.thread, NULL);
	(void)close(own.fd);
	(void)close(own.stranger);
}
