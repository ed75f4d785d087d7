/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to the BMS: ask, listen, say what came back and what to try next. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "core/bms_link.h"
#include "serial_open.h"

#define TRIES	       3
#define PAUSE_NS       (200 * NS_PER_MS) /* the document asks for 100 ms between packets */
#define RAW_MAX	       8192
#define ERROR_MAX      512
#define NS_PER_MS_REAL 1e6
#define FEW_BYTES      4U

/**
 * struct session - what was seen of the line
 * @raw: all received bytes, the first RAW_MAX of them
 * @good: a reply came that the daemon takes too; then @sample, @frame_len, @reply_ns are of it
 * @late: a reply came later than BMS_REPLY_NS after its request, @late_ns; the daemon drops it
 * @strayed: a reply came when the daemon had taken something else for the answer
 * @reply_ns: request to last byte of the good reply
 * @verdict: why the newest complete frame was refused
 * @asked_ns: when the newest request was written; what follows is about this request
 * @heard: bytes since then
 * @last_rx_ns: when the newest of them came
 * @pending: silence has not been judged since the last byte
 * @over: more than an echo came and the line fell silent: the daemon waits no longer
 * @answered: a reply came, of whatever kind
 */
struct session {
	int fd;
	struct jk_framer framer;
	struct jk_sample sample;
	bool good;
	bool late;
	bool strayed;
	bool frame_seen;
	bool gone;
	enum jk_verdict verdict;
	uint8_t raw[RAW_MAX];
	size_t raw_len;
	size_t frame_len;
	int64_t reply_ns;
	int64_t late_ns;
	int tries;
	int64_t asked_ns;
	size_t heard;
	int64_t last_rx_ns;
	bool pending;
	bool over;
	bool answered;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* A good reply: would the daemon take it? See core/bms_link.h. */
static void judge_reply(struct session *s, const struct jk_sample *sample, uint16_t frame_len)
{
	const int64_t took_ns = now() - s->asked_ns;

	s->answered = true;
	if (s->over) {
		s->strayed = true;
	} else if (took_ns > BMS_REPLY_NS) {
		s->late = true;
		s->late_ns = took_ns;
	} else if (!s->good) {
		s->good = true;
		s->sample = *sample;
		s->frame_len = frame_len;
		s->reply_ns = took_ns;
	}
}

/* Judge the frame that the framer has delivered. */
static void judge(struct session *s, uint16_t frame_len)
{
	struct jk_sample sample;
	const enum jk_verdict v = jk_decode(s->framer.buf, frame_len, &sample);

	if (v == JK_OK) {
		judge_reply(s, &sample, frame_len);
		return;
	}
	/* An echo of our own request must not hide a better reason. */
	if (v != JK_FOREIGN || !s->frame_seen) {
		s->verdict = v;
	}
	s->frame_seen = true;
}

static void take(struct session *s, const uint8_t *data, size_t len)
{
	const size_t keep = len < RAW_MAX - s->raw_len ? len : RAW_MAX - s->raw_len;
	uint16_t frame_len = 0;

	memcpy(&s->raw[s->raw_len], data, keep);
	s->raw_len += keep;
	s->heard += len;
	s->last_rx_ns = now();
	s->pending = true;
	do {
		const size_t used = jk_framer_feed(&s->framer, data, len, &frame_len);

		data += used;
		len -= used;
		if (frame_len != 0) {
			judge(s, frame_len);
		}
	} while (len > 0 || frame_len != 0);
}

/* The line is silent. What is under construction is over, and so is an answer. */
static void take_silence(struct session *s)
{
	uint16_t frame_len = 0;

	do {
		jk_framer_gap(&s->framer, &frame_len);
		if (frame_len != 0) {
			judge(s, frame_len);
		}
	} while (frame_len != 0);
	s->pending = false;
	s->over = s->over || s->heard > JK_REQUEST_SIZE;
}

/* The next request goes out when the daemon's would. */
static int64_t end_of_try(const struct session *s)
{
	return s->asked_ns + (s->over ? NS_PER_S : BMS_LATE_NS);
}

static int wait_ms(const struct session *s)
{
	const int64_t end_ns = end_of_try(s);
	const int64_t until_ns = s->pending ? min_i64(end_ns, s->last_rx_ns + BMS_GAP_NS) : end_ns;

	return (int)(max_i64(until_ns - now(), 0) / NS_PER_MS) + 1;
}

/*
 * One request and all that follows it, until nothing can be taken for the answer to the next one.
 * Return: 0, or -errno if the device is gone.
 */
static int ask(struct session *s)
{
	uint8_t request[JK_REQUEST_SIZE];
	uint8_t buf[256];

	jk_request_build(JK_SOURCE_PC, request);
	s->asked_ns = now();
	s->heard = 0;
	s->pending = false;
	s->over = false;
	s->answered = false;
	if (write(s->fd, request, sizeof(request)) != (ssize_t)sizeof(request)) {
		return errno == EAGAIN ? 0 : -EIO;
	}
	while (!s->answered && now() < end_of_try(s)) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		const int n_ready = poll(&p, 1, wait_ms(s));

		if (n_ready == 0 && s->pending && now() - s->last_rx_ns >= BMS_GAP_NS) {
			take_silence(s);
		}
		if (n_ready <= 0) {
			continue;
		}
		const ssize_t n = read(s->fd, buf, sizeof(buf));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			return -EIO;
		}
		if (n > 0) {
			take(s, buf, (size_t)n);
		}
	}
	take_silence(s);
	return 0;
}

static bool holds(const struct session *s, const uint8_t *pattern, size_t len)
{
	for (size_t i = 0; i + len <= s->raw_len; i++) {
		if (memcmp(&s->raw[i], pattern, len) == 0) {
			return true;
		}
	}
	return false;
}

static bool all_equal(const struct session *s)
{
	for (size_t i = 1; i < s->raw_len; i++) {
		if (s->raw[i] != s->raw[0]) {
			return false;
		}
	}
	return s->raw_len > 0;
}

struct advice {
	const char *verdict;
	const char *next;
};

static struct advice advice_noise(const struct session *s)
{
	static const uint8_t jk02[] = {0x55, 0xAA, 0xEB, 0x90};
	static const uint8_t jbd[] = {0xDD, 0xA5};
	static const uint8_t mark[] = {0x4E, 0x57};

	if (holds(s, jk02, sizeof(jk02))) {
		return (struct advice){
			"the BMS speaks another protocol (JK02, 55 AA EB 90)",
			"in the JK app set the UART protocol to 000 \"4G-GPS Remote module Common "
			"protocol\"; inverter BMS of the PB series cannot speak it"};
	}
	if (holds(s, jbd, sizeof(jbd))) {
		return (struct advice){"the BMS speaks another protocol (DD A5)",
				       "firmware before 7 has no 4E 57 protocol: update the BMS"};
	}
	if (s->raw_len > FEW_BYTES && all_equal(s)) {
		return (struct advice){"the line delivers one and the same byte",
				       "check GND and that TX and RX are not shorted or inverted; "
				       "use 3.3 V TTL, or JK's RS485 adapter on an RS485 line"};
	}
	if (holds(s, mark, sizeof(mark))) {
		return (struct advice){"replies begin, but none arrives whole",
				       "look for a bad contact; shorten the cable; keep it away "
				       "from power cables; connect GND"};
	}
	return (struct advice){"bytes arrive, but nothing of the JK protocol is among them",
			       "set the port protocol in the JK app to 000 (4G-GPS); check that no "
			       "other device talks on this line"};
}

static struct advice advise(const struct session *s)
{
	const uint32_t *n = s->framer.count;

	if (s->gone) {
		return (struct advice){"the device vanished while in use",
				       "check the USB cable and the power of the adapter"};
	}
	if (s->raw_len == 0) {
		return (struct advice){
			"silent: no byte came back",
			"check that the BMS is switched on, that RX and TX are crossed and GND is "
			"connected, and that the port protocol in the JK app is 000 (4G-GPS)"};
	}
	if (s->late) {
		return (struct advice){
			"the reply comes later than 500 ms after its request: the daemon drops it",
			"set the latency timer of the USB adapter to 1 ms; try another adapter; "
			"check that no other program or device asks the BMS on this line"};
	}
	if (s->strayed) {
		return (struct advice){
			"the reply comes after other bytes and a pause of 100 ms: the daemon has "
			"taken those for the answer and drops it",
			"find out what sends them (--hex shows them): another device on the line, "
			"an adapter that switches its direction, a bad contact"};
	}
	if (s->frame_seen && s->verdict == JK_FOREIGN) {
		return (struct advice){
			"only our own request comes back",
			"the BMS is silent behind an adapter with echo, or RX and TX are joined: "
			"check power, A and B (RS485), or the crossing of RX and TX (TTL)"};
	}
	if (s->frame_seen) {
		return (struct advice){
			"a complete reply arrives, but its content is not understood",
			"please report it with the output of --hex"};
	}
	if (n[JK_BAD_SUM] + n[JK_BAD_SUM_HIGH] + n[JK_BAD_END] > 0) {
		return (struct advice){"replies arrive with transmission errors",
				       "shorten the cable, connect GND, keep away from power "
				       "cables, try an isolated adapter"};
	}
	if (n[JK_TRUNCATED] > 0) {
		return (struct advice){"replies end too early",
				       "look for a bad contact; try another adapter or USB port"};
	}
	return advice_noise(s);
}

static void print_json(const struct session *s, const char *device, const struct advice *a)
{
	printf("{\"device\":");
	probe_json_text(device);
	printf(",\"good\":%s,\"tries\":%d,\"bytes\":%zu,\"verdict\":", s->good ? "true" : "false",
	       s->tries, s->raw_len);
	probe_json_text(s->good ? "good" : a->verdict);
	if (!s->good) {
		printf(",\"next\":");
		probe_json_text(a->next);
		if (s->late) {
			printf(",\"late_ms\":%.1f", (double)s->late_ns / NS_PER_MS_REAL);
		}
	} else {
		printf(",\"reply_ms\":%.1f,\"sample\":{", (double)s->reply_ns / NS_PER_MS_REAL);
		probe_show_json(&s->sample);
		printf("}");
	}
	printf(",\"counts\":{");
	for (int v = 0; v < JK_VERDICTS; v++) {
		printf("%s", v > 0 ? "," : "");
		probe_json_text(jk_verdict_name((enum jk_verdict)v));
		printf(":%u", s->framer.count[v]);
	}
	printf("}}\n");
}

static void print_words(const struct session *s, const char *device, const struct advice *a,
			bool hex)
{
	if (hex && s->raw_len > 0) {
		printf("received %zu bytes:\n", s->raw_len);
		probe_hex(s->raw, s->raw_len);
	}
	if (s->good) {
		printf("%s: reply of %zu bytes, complete %.1f ms after request %d\n", device,
		       s->frame_len, (double)s->reply_ns / NS_PER_MS_REAL, s->tries);
		probe_show(&s->sample);
		const int remarks = probe_remarks(&s->sample);

		printf("verdict: good: the BMS answers and its reply is understood%s\n",
		       remarks > 0 ? "; see the notes" : "");
		return;
	}
	printf("%s: %d requests, %zu bytes received\n", device, s->tries, s->raw_len);
	if (s->late) {
		printf("  newest reply: complete %.1f ms after its request\n",
		       (double)s->late_ns / NS_PER_MS_REAL);
	}
	for (int v = JK_NOISE; v < JK_VERDICTS; v++) {
		if (s->framer.count[v] > 0) {
			printf("  %u x %s\n", s->framer.count[v],
			       jk_verdict_name((enum jk_verdict)v));
		}
	}
	if (s->frame_seen) {
		printf("  newest frame: %s\n", jk_verdict_name(s->verdict));
	}
	printf("verdict: %s\nnext: %s\n", a->verdict, a->next);
}

/* Return: 0, or the exit status with @err set. */
static int converse(struct session *s, const char *device, char err[ERROR_MAX])
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	if (serial_open(device, &s->fd, err, ERROR_MAX) != 0) {
		return PROBE_DEVICE;
	}
	jk_framer_init(&s->framer);
	while (!s->good && !s->gone && s->tries < TRIES) {
		if (s->tries > 0) {
			nanosleep(&pause, NULL);
		}
		s->tries++;
		s->gone = ask(s) != 0;
	}
	serial_close(s->fd);
	return 0;
}

static int status_of(const struct session *s)
{
	if (s->gone) {
		return PROBE_DEVICE;
	}
	return s->good ? PROBE_GOOD : PROBE_BROKEN;
}

int probe_bms(const char *device, const struct probe_options *o)
{
	static struct session s;
	char err[ERROR_MAX];

	if (converse(&s, device, err) != 0) {
		fprintf(stderr, "jkpylon-probe: %s\n", err);
		return PROBE_DEVICE;
	}
	const struct advice a = s.good ? (struct advice){"good", ""} : advise(&s);

	if (o->json) {
		print_json(&s, device, &a);
	} else {
		print_words(&s, device, &a, o->hex);
	}
	return status_of(&s);
}

int probe_bms_ask(const char *device, struct probe_bms_found *ret)
{
	static struct session s;
	char err[ERROR_MAX];

	memset(ret, 0, sizeof(*ret));
	if (converse(&s, device, err) != 0) {
		(void)snprintf(ret->words, sizeof(ret->words), "cannot be opened");
		(void)snprintf(ret->next, sizeof(ret->next), "%s", err);
		return PROBE_DEVICE;
	}
	const struct advice a = s.good ? (struct advice){"good", ""} : advise(&s);

	ret->sample = s.sample;
	ret->reply_ns = s.reply_ns;
	(void)snprintf(ret->words, sizeof(ret->words), "%s", a.verdict);
	(void)snprintf(ret->next, sizeof(ret->next), "%s", a.next);
	return status_of(&s);
}
