/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to the inverter: listen, say who is there and what to try next. */
#include "probe.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libsocketcan.h>
#include <linux/can/error.h>
#include <linux/can/netlink.h>

#include "base/units.h"
#include "canbus.h"
#include "proto/pylon.h"

#define NS_PER_MS   INT64_C(1000000)
#define NS_PER_S    1e9
#define STANDARD    (CAN_SFF_MASK + 1U)
#define TEXT_MAX    160
#define MS_IN_S	    1000.0
#define PERIODS_MIN 2U
#define WAIT_MS	    250

/* What was heard of one identifier. */
struct heard {
	uint32_t count;
	uint8_t len;
	uint8_t data[CAN_MAX_DLEN];
	int64_t first_ns;
	int64_t last_ns;
};

struct listening {
	struct heard id[STANDARD];
	uint32_t frames;
	uint32_t extended;
	uint32_t remote;
	uint32_t errors;
	double seconds;
	bool no_ack;
	bool down;
	char error_text[TEXT_MAX];
};

struct verdict {
	int status;
	const char *words;
	const char *next;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 * NS_PER_MS + t.tv_nsec;
}

static const char *state_name(int state)
{
	static const char *const names[] = {"error-active", "error-warning", "error-passive",
					    "bus-off",	    "stopped",	     "sleeping"};

	return state >= 0 && (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/* Return: bit rate, 0 if unknown (a virtual interface has none). */
static uint32_t link_state(const char *interface, bool json)
{
	struct can_bittiming timing = {0};
	int state = -1;

	if (if_nametoindex(interface) == 0) {
		return 0;
	}
	if (can_get_state(interface, &state) != 0) {
		state = -1;
	}
	if (can_get_bittiming(interface, &timing) != 0) {
		timing.bitrate = 0;
	}
	if (!json) {
		printf("%s: controller %s", interface, state_name(state));
		if (timing.bitrate > 0) {
			printf(", %u bit/s", timing.bitrate);
		}
		printf("\n");
	}
	return timing.bitrate;
}

static void take(struct listening *l, const struct can_frame *f)
{
	if (f->can_id & CAN_ERR_FLAG) {
		l->errors++;
		l->no_ack |= (f->can_id & CAN_ERR_ACK) != 0;
		canbus_error_text(f, l->error_text, sizeof(l->error_text));
		return;
	}
	l->frames++;
	if (f->can_id & CAN_RTR_FLAG) { /* asks for an identifier, is not its sender */
		l->remote++;
		return;
	}
	if (f->can_id & CAN_EFF_FLAG) {
		l->extended++;
		return;
	}
	struct heard *h = &l->id[f->can_id & CAN_SFF_MASK];

	h->last_ns = now();
	h->first_ns = h->count == 0 ? h->last_ns : h->first_ns;
	h->count++;
	h->len = f->len <= CAN_MAX_DLEN ? f->len : CAN_MAX_DLEN;
	memcpy(h->data, f->data, h->len);
}

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* Ctrl-C ends the listening, not the program: what was heard so far is worth a verdict. */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* Return: 0, or -errno with bus->why set. */
static int listen_to(struct canbus *bus, double seconds, struct listening *l)
{
	const int64_t begin_ns = now();
	const int64_t end_ns = begin_ns + (int64_t)(seconds * NS_PER_S);

	for (;;) {
		const int64_t left_ns = end_ns - now();
		struct canbus_frame f;

		l->seconds = (double)(now() - begin_ns) / NS_PER_S;
		if (left_ns <= 0 || stopped != 0) {
			return 0;
		}
		/* Never for long: a signal just before the wait would be seen after it only. */
		const int64_t wait_ms = min_i64(left_ns / NS_PER_MS + 1, WAIT_MS);
		const int rc = canbus_read(bus, (int)wait_ms, &f);

		if (rc == 0) {
			take(l, &f.can);
		} else if (rc == -ENETDOWN) {
			l->down = true;
			return 0;
		} else if (rc != -EAGAIN && rc != -EBADMSG && rc != -EINTR) {
			return rc;
		}
	}
}

static const char *id_text(uint32_t id)
{
	switch (id) {
	case PYLON_ID_ALIVE:
		return "inverter is alive";
	case PYLON_ID_LIMITS:
		return "battery: limits";
	case PYLON_ID_SOC:
		return "battery: state of charge";
	case PYLON_ID_MEASURED:
		return "battery: voltage, current, temperature";
	case PYLON_ID_ALARMS:
	case PYLON_ID_ALARMS_V13:
		return "battery: alarms";
	case PYLON_ID_REQUEST:
		return "battery: enables";
	case PYLON_ID_NAME:
		return "battery: name";
	case PYLON_ID_INFO_V13:
		return "battery: type and version";
	default:
		return "not part of this protocol";
	}
}

static double period_s(const struct heard *h)
{
	return h->count >= PERIODS_MIN
		       ? (double)(h->last_ns - h->first_ns) / NS_PER_S / (h->count - 1U)
		       : 0;
}

static void print_ids(const struct listening *l)
{
	for (uint32_t id = 0; id < STANDARD; id++) {
		const struct heard *h = &l->id[id];

		if (h->count == 0) {
			continue;
		}
		printf("  %03X  %5u x", id, h->count);
		if (h->count >= PERIODS_MIN) {
			printf("  every %.2f s", period_s(h));
		}
		printf("  %s\n      ", id_text(id));
		for (int i = 0; i < h->len; i++) {
			printf(" %02X", h->data[i]);
		}
		printf("\n");
	}
	if (l->extended > 0) {
		printf("  %u frames with extended identifiers\n", l->extended);
	}
	if (l->remote > 0) {
		printf("  %u remote frames\n", l->remote);
	}
	if (l->errors > 0) {
		printf("  %u error frames, newest: %s\n", l->errors, l->error_text);
	}
}

static struct verdict judge(const struct listening *l, uint32_t bitrate)
{
	const bool battery = l->id[PYLON_ID_LIMITS].count > 0;

	if (l->down) {
		return (struct verdict){PROBE_BROKEN, "the interface is down",
					"ip link set INTERFACE up type can bitrate 500000, or "
					"can.manage=yes"};
	}
	if (l->id[PYLON_ID_ALIVE].count > 0) {
		return (struct verdict){PROBE_GOOD,
					battery ? "good: battery and inverter talk (0x305 is there)"
						: "good: the inverter is there (0x305)",
					""};
	}
	if (bitrate != 0 && bitrate != PYLON_BITRATE) {
		return (struct verdict){PROBE_BROKEN, "the bit rate is not 500000",
					"ip link set INTERFACE down; ip link set INTERFACE up type "
					"can bitrate 500000"};
	}
	if (l->frames == 0 && l->errors > 0) {
		return (struct verdict){
			PROBE_BROKEN, l->no_ack ? "nobody acknowledges" : "only errors on the bus",
			"check CAN-H and CAN-L (crossed?), 120 ohms at both ends, 500 kbit/s, the "
			"oscillator set for an MCP2515"};
	}
	if (battery) {
		return (struct verdict){
			PROBE_BROKEN, "a battery speaks, but no inverter answers (no 0x305)",
			"check the cable to the inverter and that its battery type is Pylontech LV; "
			"some inverters never send 0x305: can.expect_alive=never"};
	}
	if (l->frames > 0) {
		return (struct verdict){
			PROBE_BROKEN, "others speak on this bus, but no Pylontech inverter",
			"set the battery type of the inverter to Pylontech LV; some inverters speak "
			"only after they heard a battery: start jkpylond and probe again"};
	}
	return (struct verdict){
		PROBE_BROKEN, "silent: no frame came",
		"check that the inverter is on and its battery type is Pylontech LV, the pins of "
		"its BMS socket, CAN-H and CAN-L; many inverters speak only after they heard a "
		"battery: start jkpylond and probe again"};
}

static void print_json(const char *interface, const struct listening *l, const struct verdict *v)
{
	bool first = true;

	printf("{\"interface\":");
	probe_json_text(interface);
	printf(",\"good\":%s,\"frames\":%u,\"errors\":%u,\"extended\":%u,\"remote\":%u,\"down\":%s,"
	       "\"alive\":%s,\"seconds\":%.1f",
	       v->status == PROBE_GOOD ? "true" : "false", l->frames, l->errors, l->extended,
	       l->remote, l->down ? "true" : "false",
	       l->id[PYLON_ID_ALIVE].count > 0 ? "true" : "false", l->seconds);
	printf(",\"ids\":{");
	for (uint32_t id = 0; id < STANDARD; id++) {
		const struct heard *h = &l->id[id];

		if (h->count > 0) {
			printf("%s\"%03X\":{\"count\":%u,\"len\":%u,\"period_ms\":%.0f}",
			       first ? "" : ",", id, h->count, h->len, period_s(h) * MS_IN_S);
			first = false;
		}
	}
	printf("},\"verdict\":");
	probe_json_text(v->words);
	printf(",\"next\":");
	probe_json_text(v->next);
	printf("}\n");
}

int probe_can(const char *interface, const struct probe_options *o)
{
	static struct listening l;
	static struct canbus bus;

	if (!canbus_is_live(interface)) {
		fprintf(stderr,
			"jkpylon-probe: %s is a log; jkpylon-canview shows those; give an "
			"interface (can0) or unix:PATH\n",
			strcmp(interface, "-") == 0 ? "- (the standard input)" : interface);
		return PROBE_USAGE;
	}
	catch_signals();
	if (canbus_open(&bus, interface) != 0) {
		fprintf(stderr, "jkpylon-probe: %s\n", bus.why);
		return PROBE_DEVICE;
	}
	const uint32_t bitrate = link_state(interface, o->json);

	if (!o->json) {
		printf("%s: listening for %g s\n", interface, o->seconds);
		fflush(stdout);
	}
	const int rc = listen_to(&bus, o->seconds, &l);

	canbus_close(&bus);
	if (rc != 0) {
		fprintf(stderr, "jkpylon-probe: %s\n", bus.why);
		return PROBE_DEVICE;
	}
	const struct verdict v = judge(&l, bitrate);

	if (o->json) {
		print_json(interface, &l, &v);
		return v.status;
	}
	if (stopped != 0) {
		printf("stopped after %.1f s\n", l.seconds);
	}
	print_ids(&l);
	printf("verdict: %s\n", v.words);
	if (v.next[0] != '\0') {
		printf("next: %s\n", v.next);
	}
	return v.status;
}
