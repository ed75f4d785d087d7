/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pure code costs: decoders, the encoder, the step of the cycle. One case, so many times;
 * tests/bench/run compares them with each other and counts instructions.
 *
 *   bench_pure CASE COUNT [FILE]    {"count":...,"bytes":...,"ns":...} of processor time
 *   bench_pure --list
 *
 * FILE has the bytes that a decoder reads: a real capture. The case "sum" adds up the bytes of any
 * file, one at a time: the measure, since nothing can be decoded without looking at each byte. Steps
 * are those of a recorded time at full current, played again and again; an argument of its own
 * (step:CELLS:FRAMES) says how many cells there are and how many frames of others arrive in each
 * period. What an operation says is judged each time: a case that decodes nothing fails.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/bench.h"
#include "proto/aa55.h"
#include "proto/goodwe_modbus.h"
#include "proto/jk_uart.h"
#include "proto/pylon.h"
#include "proto/speedwire.h"
#include "svc/mqtt_command.h"
#include "svc/sems_answer.h"

#define FILE_MAX_BYTES (64U * 1024U)
#define STEPS	       2000U /* 10 s of 5 ms: forty replies, ten sets of frames */
#define WARM_MS	       90000
#define FOREIGN_ID     0x123U

struct input {
	uint8_t data[FILE_MAX_BYTES];
	size_t len;
	struct jk_framer framer;
	struct bench bench;
	struct cycle start; /* as the recorded steps began */
	struct cycle_in steps[STEPS];
	uint32_t at;
	uint32_t sum;
};

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static bool sum(struct input *in)
{
	/* Of volatile bytes: else the compiler adds sixteen at a time. */
	const volatile uint8_t *p = in->data;
	uint32_t total = 0;

	for (size_t i = 0; i < in->len; i++) {
		total += p[i];
	}
	in->sum = total;
	return true;
}

static bool jk_reply(struct input *in)
{
	struct jk_sample sample;
	uint16_t frame = 0;

	(void)jk_framer_feed(&in->framer, in->data, in->len, &frame);
	return frame != 0 && jk_decode(in->framer.buf, frame, &sample) == JK_OK;
}

static bool pylon_set(struct input *in)
{
	static const struct pylon_state state = {.cvl_mv = 55200,
						 .dvl_mv = 48000,
						 .ccl_ma = 74000,
						 .dcl_ma = 74000,
						 .pack_mv = 52280,
						 .pack_ma = -6900,
						 .temp_dc = 213,
						 .soc_pct = 60,
						 .soh_pct = 99,
						 .charge_enable = true,
						 .discharge_enable = true,
						 .modules = 1,
						 .capacity_ah = 110};
	const struct pylon_profile *profile = pylon_profile_at(0);
	bool good = true;

	for (uint8_t i = 0; i < profile->count; i++) {
		const struct can_msg m = pylon_encode(profile, (enum pylon_frame)profile->order[i],
						      &state);

		good = good && m.len > 0;
		in->sum += m.data[0];
	}
	return good;
}

static bool speedwire(struct input *in)
{
	struct speedwire_meter meter;

	return speedwire_decode(in->data, in->len, &meter) == SPEEDWIRE_OK;
}

static bool aa55(struct input *in)
{
	struct aa55_runtime runtime;

	return aa55_runtime_decode(in->data, in->len, &runtime) == GOODWE_OK;
}

static bool modbus(struct input *in)
{
	struct goodwe_runtime runtime;
	int32_t exception = 0;

	return goodwe_modbus_runtime_decode(in->data, in->len, &runtime, &exception) == GOODWE_OK;
}

static bool sems(struct input *in)
{
	static const struct sems_codes codes = {.good = "0 00000"};
	struct sems_values values;
	char code[SEMS_CODE_MAX];

	return sems_values_decode((const char *)in->data, in->len, &codes, code, &values) ==
	       SEMS_OK;
}

static bool mqtt(struct input *in)
{
	static const char text[] = "{\"value\": 20, \"ttl\": 60, \"id\": \"a1\"}";
	struct mqtt_order order;

	in->sum += 1;
	return mqtt_command_parse("charge_limit", text, sizeof(text) - 1U, &order) ==
	       MQTT_UNDERSTOOD;
}

static bool step(struct input *in)
{
	struct cycle_out out;

	if (in->at == STEPS) {
		in->at = 0;
		in->bench.cycle = in->start;
	}
	cycle_step(&in->bench.cycle, &in->steps[in->at++], &out);
	in->sum += out.can_tx_len;
	return out.permit;
}

static const struct bench_case {
	const char *name;
	bool (*run)(struct input *in);
} cases[] = {
	{"sum", sum},	{"jk", jk_reply},   {"pylon", pylon_set}, {"speedwire", speedwire},
	{"aa55", aa55}, {"modbus", modbus}, {"sems", sems},	  {"mqtt", mqtt},
};

/* A voltage that never moves is none that a BMS measures. */
static void live(struct bench *b, void *arg)
{
	(void)arg;
	b->battery.cell_mv[0] = (uint16_t)(3300 + b->now_ns / NS_PER_MS % 7);
}

/* Record what arrives while the battery is charged with half of what it may take. */
static void record(struct input *in, uint32_t cells, uint32_t frames)
{
	struct bench *b = &in->bench;

	bench_init(b);
	b->alive = true;
	b->battery.cells = (uint8_t)cells;
	bench_battery_all(&b->battery, 3300);
	b->battery.pack_ma = 20000;
	b->watch = live;
	bench_warm_up(b);
	in->start = b->cycle;
	for (uint32_t i = 0; i < STEPS; i++) {
		bench_step(b);
		in->steps[i] = b->in;
	}
	if (bench_ccl_ma(b) <= 0 || bench_dcl_ma(b) <= 0) {
		fprintf(stderr, "bench_pure: the battery of the steps may not be charged\n");
		exit(1);
	}
	for (uint32_t i = 0; i < STEPS; i++) {
		struct cycle_in *s = &in->steps[i];

		for (uint32_t k = 0; k < frames && s->can_rx_len < CYCLE_CAN_RX_MAX; k++) {
			struct can_rx *rx = &s->can_rx[s->can_rx_len++];

			memset(rx, 0, sizeof(*rx));
			rx->msg.id = FOREIGN_ID;
			rx->msg.len = CAN_MSG_DATA_MAX;
			rx->origin = CAN_FROM_BUS;
		}
	}
	b->cycle = in->start;
}

static bool read_file(struct input *in, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		fprintf(stderr, "bench_pure: %s: %s\n", path, strerror(errno));
		return false;
	}
	in->len = fread(in->data, 1, sizeof(in->data), f);
	fclose(f);
	return true;
}

/* Return: number, or -1: not one of min..max. */
static long long number(const char *text, long long min, long long max)
{
	char *end = NULL;
	const long long v = strtoll(text, &end, 10);

	return end == text || *end != '\0' || v < min || v > max ? -1 : v;
}

static bool (*find(struct input *in, const char *name))(struct input *)
{
	unsigned int cells = 0;
	unsigned int frames = 0;
	char rest = 0;

	if (sscanf(name, "step:%2u:%2u%c", &cells, &frames, &rest) == 2 && cells >= 1 &&
	    cells <= JK_CELLS_MAX) {
		record(in, cells, frames);
		return step;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(name, cases[i].name) == 0) {
			return cases[i].run;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct input in;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			puts(cases[i].name);
		}
		puts("step:CELLS:FRAMES");
		return 0;
	}
	const long long count = argc >= 3 ? number(argv[2], 0, 1000000000) : -1;

	if (argc > 4 || count < 0) {
		fprintf(stderr, "usage: bench_pure CASE COUNT [FILE] | --list\n");
		return 2;
	}
	bool (*run)(struct input *) = find(&in, argv[1]);

	if (run == NULL) {
		fprintf(stderr, "bench_pure: there is no case %s; see --list\n", argv[1]);
		return 2;
	}
	if (argc == 4 && !read_file(&in, argv[3])) {
		return 2;
	}
	jk_framer_init(&in.framer);
	const int64_t begin = cpu_ns();

	for (long long i = 0; i < count; i++) {
		if (!run(&in)) {
			fprintf(stderr, "bench_pure: %s: refused\n", argv[1]);
			return 1;
		}
	}
	printf("{\"count\":%lld,\"bytes\":%zu,\"ns\":%lld,\"sum\":%lu}\n", count, in.len,
	       (long long)(cpu_ns() - begin), (unsigned long)in.sum);
	return 0;
}
