/* SPDX-License-Identifier: Apache-2.0 */
/* The input trace: every field of a step is in the text, in the order that replay reads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "svc/trace.h"

static struct trace trace;
static struct cycle_in in;
static char path[64];
static char text[1 << 20];

static int set_up(void **state)
{
	(void)state;
	memset(&in, 0, sizeof(in));
	in.grid = GRID_NONE;
	in.peer_local = PEER_NONE_HEARD;
	in.peer_portal = PEER_NONE_HEARD;
	snprintf(path, sizeof(path), "/tmp/jkpylon-trace-%d", (int)getpid());
	return trace_open(&trace, path,
			  "# a comment = no key\n[bms]\n\n# poll\npoll = 250ms\n#unset = 1\n"
			  "[rt]\nperiod=5ms\n");
}

static int tear_down(void **state)
{
	(void)state;
	trace_stop(&trace);
	unlink(path);
	return 0;
}

static const char *finish(void)
{
	trace_stop(&trace);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	const size_t n = fread(text, 1, sizeof(text) - 1, f);

	text[n] = '\0';
	fclose(f);
	return text;
}

#define HEAD "# jkpylon-trace 2\nC bms.poll=250ms\nC rt.period=5ms\n"

static void test_file_begins_with_format_and_configuration(void **state)
{
	const struct held held = {.t_ns = 9,
				  .pack_mv = 52000,
				  .pack_ma = -1500,
				  .temp_dc = 215,
				  .soc_pct = 60,
				  .cells = 16,
				  .reload = 1,
				  .kept = {.latched = 2,
					   .level = 7,
					   .tripped = 3,
					   .closed = 1,
					   .over_ns = {5, 6},
					   .zero_ns = {7, 8},
					   .heard_ns = 9,
					   .reclose_ns = {TIME_NEVER, 4, TIME_NEVER}}};

	(void)state;
	trace_start_point(&trace, 1000, 2000, &held);
	assert_int_equal(trace_start(&trace), 0);
	assert_string_equal(
		finish(),
		HEAD "I 1000 2000\nH 9 52000 -1500 215 60 16 1 2 7 3 - 4 - 1 5 6 7 8 9\nZ\n");
}

static void test_every_input_of_a_step_is_written_and_unchanged_ones_only_once(void **state)
{
	(void)state;
	trace_start_point(&trace, 1, 2, NULL);
	assert_int_equal(trace_start(&trace), 0);
	in.now_ns = 5000000;
	in.boot_ns = 6000000;
	in.tty_open = true;
	in.guard_ok = true;
	in.can_link = 2;
	in.can_lost = 0x1002;
	in.relay = RELAY_CLOSED;
	in.latch = REASON_RELAY;
	in.grid = (struct grid_sample){.t_ns = 77, .power_w = -1200, .serial = 4000000000};
	in.peer_portal = (struct peer_sample){78, PEER_SEMS, PEER_CHARGING, 1000, 49, 49000, 56};
	in.command_len = 1;
	in.command[0] = (struct command){.kind = 1, .value = 500, .ttl_ms = 60000, .local = 1};
	in.can_rx_len = 2;
	in.can_rx[0] = (struct can_rx){.msg = {.id = 0x305, .len = 2, .data = {1, 0xFE}}};
	in.can_rx[1] = (struct can_rx){.msg = {.id = 0x35C}, .origin = CAN_OWN};
	in.rx_len = 3;
	memcpy(in.rx, "\x4e\x57\x00", 3);
	assert_int_equal(trace_step(&trace, &in), 0);

	/* the same again, without lists: only the step itself is left */
	in.now_ns += 5000000;
	in.boot_ns += 5000000;
	in.request_failed = true;
	in.stop = true;
	in.can_lost = 0;
	in.latch = REASON_NONE;
	in.command_len = 0;
	in.can_rx_len = 0;
	in.rx_len = 0;
	assert_int_equal(trace_step(&trace, &in), 0);

	in.grid = GRID_NONE;
	in.peer_portal.soc_pct = SOURCE_NO_VALUE;
	assert_int_equal(trace_step(&trace, &in), 0);
	assert_string_equal(finish(), HEAD "I 1 2\n"
					   "S 5000000 6000000 5\nL 2\nM 77 -1200 4000000000\n"
					   "P p 78 2 4 1000 49 49000 56\nD 1002\nG 2 18\n"
					   "K 1 500 60000 1\nF 305#01fe b\nF 35C# o\nR 4e5700\n"
					   "S 10000000 11000000 f\n"
					   "S 10000000 11000000 f\nM - - 0\n"
					   "P p 78 2 4 1000 49 49000 -\nZ\n");
}

static void test_largest_step_is_written_completely(void **state)
{
	const char *at;
	size_t digits = 0;
	uint32_t frames = 0;

	(void)state;
	assert_int_equal(trace_start(&trace), 0);
	in.rx_len = CYCLE_RX_MAX;
	memset(in.rx, 0xAB, sizeof(in.rx));
	in.can_rx_len = CYCLE_CAN_RX_MAX;
	in.command_len = CYCLE_COMMAND_MAX;
	assert_int_equal(trace_step(&trace, &in), 0);
	at = finish();
	for (const char *line = strchr(at, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
		frames += line[1] == 'F' ? 1U : 0U;
		if (line[1] == 'R') {
			digits += strspn(line + 3, "ab");
		}
	}
	assert_int_equal(digits, 2 * CYCLE_RX_MAX);
	assert_int_equal(frames, CYCLE_CAN_RX_MAX);
}

static void test_full_ring_loses_whole_steps_and_the_file_says_so(void **state)
{
	uint32_t lost = 0;
	uint32_t steps = 0;
	char expected[32];

	(void)state;
	/* nobody writes yet */
	for (; lost < 10U; steps++) {
		in.now_ns++;
		lost = trace_step(&trace, &in);
	}
	assert_true(steps > TRACE_RECORDS / 2);
	assert_int_equal(trace_start(&trace), 0);
	const uint32_t before = lost;

	for (int i = 0; i < 500; i++) {
		in.now_ns++;
		lost = trace_step(&trace, &in);
		if (lost == before) {
			break;
		}
		usleep(10000);
	}
	snprintf(expected, sizeof(expected), "\nX %u\nS ", lost);
	assert_non_null(strstr(finish(), expected));
}

static void test_file_that_cannot_be_made_is_an_error(void **state)
{
	static struct trace other;

	(void)state;
	assert_int_equal(trace_open(&other, "/nonexistent/trace", ""), -ENOENT);
	trace_stop(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_begins_with_format_and_configuration,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_every_input_of_a_step_is_written_and_unchanged_ones_only_once, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_largest_step_is_written_completely, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_full_ring_loses_whole_steps_and_the_file_says_so, set_up, tear_down),
		cmocka_unit_test(test_file_that_cannot_be_made_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
