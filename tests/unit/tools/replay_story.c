/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_story FILE: a record in which one limit after the other is lowered, each for a reason of its
 * own, for the tests of jkpylon-replay.
 *
 *   s    0   the battery is well, ramps
 *       40   cell 4 has 3.462 V
 *       50   probes at 8 C
 *       60   SoC 18 % and an order: not below 20 %
 *       70   an order: charge with at most 10 A
 *       80   the other battery is discharged
 *       90   the BMS is silent: caution, stop, trip
 *      104   it answers again
 *      120   end
 */
#include <stdio.h>
#include <string.h>

#include "conf_private.h"
#include "lib/bench.h"
#include "lib/recording.h"

#define PERIOD_MS 20
#define KEY_NS	  (15 * NS_PER_S)

static const char settings[] = "[bms]\ndevice=/dev/null\n[can]\ninterface=can0\nslot=20ms\n"
			       "[limits]\ncharge_max=60A\ndischarge_max=60A\nrise=20A/s\ncalm=0s\n"
			       "[rt]\nperiod=20ms\n[arbiter]\ninterlock=yes\n";
static const char lines[] =
	"bms.device=/dev/null\ncan.interface=can0\ncan.slot=20ms\nlimits.charge_max=60A\n"
	"limits.discharge_max=60A\nlimits.rise=20A/s\nlimits.calm=0s\n"
	"rt.period=20ms\narbiter.interlock=yes\n";

static struct recording rec;
static struct config config;
static struct bench bench;

static void watch(struct bench *b, void *arg)
{
	recording_step(arg, &b->in, &b->out, &b->cycle);
}

static void order(struct bench *b, uint32_t kind, int32_t value)
{
	b->command = (struct command){.kind = kind, .value = value, .ttl_ms = 9000};
	b->have_command = true;
}

static void tell(struct bench *b)
{
	bench_run_ms(b, 40000);
	b->battery.cell_mv[3] = 3462;
	bench_run_ms(b, 10000);
	b->battery.cell_mv[3] = 3300;
	b->battery.box_raw = 8;
	b->battery.battery_raw = 8;
	bench_run_ms(b, 10000);
	b->battery.box_raw = 20;
	b->battery.battery_raw = 20;
	b->battery.soc_pct = 18;
	order(b, COMMAND_SOC_MIN, 20);
	bench_run_ms(b, 10000);
	order(b, COMMAND_LIMIT_CHARGE, 10000);
	bench_run_ms(b, 10000);
	b->grid = (struct grid_sample){.t_ns = BENCH_ALWAYS, .power_w = 0, .serial = 7};
	b->local = (struct peer_sample){.t_ns = BENCH_ALWAYS,
					.source = PEER_LOCAL,
					.mode = PEER_DISCHARGING,
					.current_ma = -20000,
					.power_w = -1000,
					.voltage_mv = 51200,
					.soc_pct = 70};
	bench_run_ms(b, 10000);
	b->grid = GRID_NONE;
	b->local = PEER_NONE_HEARD;
	b->silent = true;
	bench_run_ms(b, 14000);
	b->relay = RELAY_OPEN;
	b->silent = false;
	bench_run_ms(b, 16000);
}

int main(int argc, char **argv)
{
	struct conf_error error = {0};

	if (argc != 2 || conf_parse(settings, sizeof(settings) - 1U, &config, &error) != 0) {
		(void)fprintf(stderr, "usage: replay_story FILE %s\n", error.text);
		return 2;
	}
	bench_init(&bench);
	bench.config = config.core;
	bench.alive = true;
	bench.relay = RELAY_CLOSED;
	bench_boot(&bench, NULL);
	recording_begin(&rec, &bench.cycle, bench.now_ns, bench.now_ns, PERIOD_MS * NS_PER_MS,
			KEY_NS, lines);
	bench.watch = watch;
	bench.watch_arg = &rec;
	tell(&bench);
	recording_end(&rec);

	FILE *f = fopen(argv[1], "we");

	if (f == NULL || fwrite(rec.file, 1, rec.len, f) != rec.len || fclose(f) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
