/* SPDX-License-Identifier: Apache-2.0 */
/* The live screen of tools/demo. See demo.h. */
#include "demo.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/rule.h"
#include "base/units.h"
#include "proto/pylon.h"

#define HOME	     "\033[H"
#define CLEAR_LINE   "\033[K\n"
#define CLEAR_BELOW  "\033[J"
#define BOLD	     "\033[1m"
#define RED	     "\033[31m"
#define GREEN	     "\033[32m"
#define YELLOW	     "\033[33m"
#define PLAIN	     "\033[0m"
#define BAR_LIMIT    24
#define BAR_CELL     14
#define CELL_LOW_MV  2500
#define CELL_SPAN_MV 1200
#define CELL_COLUMNS 4
#define MAX_MA	     60000
#define COLUMNS_MIN  60
#define COLUMNS_STD  100
#define LOG_SHOWN    6
#define ID_OLD_NS    (3 * DEMO_NS_PER_S)

static double amp(int32_t ma)
{
	return ma / 1000.0;
}

static double volt(int32_t mv)
{
	return mv / 1000.0;
}

static void bar(int32_t value, int32_t full, int width)
{
	int n = full > 0 ? (int)((int64_t)value * width / full) : 0;

	n = clamp_i32(n, 0, width);
	putchar('[');
	for (int i = 0; i < width; i++) {
		putchar(i < n ? '#' : '.');
	}
	putchar(']');
}

static void draw_limit(const struct telemetry *t, int32_t d)
{
	const char *colour = t->limit_ma[d] == 0 ? RED : GREEN;

	printf(" %-10s %s" BOLD "%5.1f A" PLAIN " ", dir_name(d), colour, amp(t->limit_ma[d]));
	bar(t->limit_ma[d], MAX_MA, BAR_LIMIT);
	printf(" by %-14s", rule_name(t->limited_by[d]));
	printf(" envelope %5.1f A by %s" CLEAR_LINE, amp(t->envelope_ma[d]),
	       rule_name(t->envelope_by[d]));
	printf("            %s" CLEAR_LINE, rule_text(t->limited_by[d]));
}

static void draw_state(const struct demo *d)
{
	const struct telemetry *t = &d->t;
	const bool bad = t->step > STEP_RUN;

	printf(" ladder     %s%s" PLAIN " (%s)   relay %s   %s%s%s" CLEAR_LINE, bad ? RED : GREEN,
	       step_name((int32_t)t->step), reason_name((int32_t)t->reason),
	       t->permit ? "may close" : "open", t->latched ? RED "latched: " : "",
	       t->latched ? reason_name((int32_t)t->latched) : "", PLAIN);
	printf(" inverter   %s", t->inverter_alive ? GREEN "alive" PLAIN : YELLOW "silent" PLAIN);
	if (t->alive_age_ms != INT32_MAX) {
		printf(", 0x305 %.1f s ago", t->alive_age_ms / 1000.0);
	}
	printf("   CAN %s   phase %s   CVL %.1f V   enables %s%s" CLEAR_LINE,
	       can_link_name((int32_t)t->can_link), phase_name((int32_t)t->phase), volt(t->cvl_mv),
	       t->enables & 0x80U ? "charge " : "", t->enables & 0x40U ? "discharge" : "");
	if (t->age_ms == INT32_MAX) {
		printf(" data       none yet");
	} else {
		printf(" data       %s%d ms old" PLAIN, t->age_ms > 1000 ? RED : "", t->age_ms);
	}
	printf("   samples %" PRIu32 "   sets %" PRIu32 "   late %" PRIu32 "   implausible %" PRIu32
	       "   overruns %" PRIu64 CLEAR_LINE,
	       t->count_samples, t->count_sets, t->count_late, t->count_implausible,
	       d->loop.overruns);
}

static void draw_temps(const struct sample *s)
{
	printf(" temp       ");
	for (unsigned int p = 0; p < SAMPLE_PROBES; p++) {
		if (s->probe_valid[p]) {
			printf("probe %u %.0f C   ", p + 1U, s->probe_dc[p] / 10.0);
		} else {
			printf("probe %u " RED "invalid" PLAIN "   ", p + 1U);
		}
	}
	printf("MOSFETs %.0f C, charge %s, discharge %s%s" CLEAR_LINE, s->mos_dc / 10.0,
	       s->mosfet[DIR_CHARGE] ? "on" : RED "off" PLAIN,
	       s->mosfet[DIR_DISCHARGE] ? "on" : RED "off" PLAIN,
	       s->balancing ? ", balancing" : "");
}

static void draw_cells(const struct sample *s)
{
	const int rows = (s->cells + CELL_COLUMNS - 1) / CELL_COLUMNS;

	printf(" pack       " BOLD "%.2f V  %+.1f A  SoC %u %%" PLAIN
	       "   lowest %.3f V (%u)  highest %.3f V (%u)  difference %d mV" CLEAR_LINE,
	       volt(s->pack_mv), amp(s->pack_ma), s->soc_pct, volt(s->cell_min_mv), s->cell_min_no,
	       volt(s->cell_max_mv), s->cell_max_no, s->cell_max_mv - s->cell_min_mv);
	for (int r = 0; r < rows; r++) {
		for (int c = 0; c < CELL_COLUMNS; c++) {
			const int i = c * rows + r;

			if (i >= s->cells) {
				break;
			}
			const bool edge = i + 1 == s->cell_max_no || i + 1 == s->cell_min_no;

			printf(" %2d %s%.3f" PLAIN " ", i + 1, edge ? YELLOW : "",
			       volt(s->cell_mv[i]));
			bar(s->cell_mv[i] - CELL_LOW_MV, CELL_SPAN_MV, BAR_CELL);
		}
		printf(CLEAR_LINE);
	}
}

/* Text of a frame that may be cut off at @size. */
__attribute__((format(printf, 4, 5))) static void add(char *buf, size_t size, size_t *at,
						      const char *format, ...)
{
	va_list ap;

	if (*at >= size) {
		return;
	}
	va_start(ap, format);
	const int n = vsnprintf(buf + *at, size - *at, format, ap);

	va_end(ap);
	*at += n > 0 ? (size_t)n : 0;
}

static void add_alarms(char *buf, size_t size, size_t *at, const char *kind, uint32_t bits)
{
	static const char *const names[] = {"cell high", "cell low",	      "hot",
					    "cold",	 "discharge current", "charge current",
					    "system",	 "communication"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (bits & 1U << i) {
			add(buf, size, at, "%s%s: %s", *at > 0 ? ", " : "", kind, names[i]);
		}
	}
}

void demo_frame_text(const struct can_frame *f, char *buf, size_t size)
{
	struct can_msg m = {.id = (uint16_t)(f->can_id & CAN_SFF_MASK), .len = f->len};
	struct pylon_report r;
	size_t at = 0;

	memcpy(m.data, f->data, sizeof(m.data));
	buf[0] = '\0';
	if (pylon_decode(&m, &r) != 0) {
		add(buf, size, &at, "not understood");
		return;
	}
	const struct pylon_state *s = &r.state;

	switch (m.id) {
	case PYLON_ID_LIMITS:
		add(buf, size, &at,
		    "limits: %.1f V, charge %.1f A, discharge %.1f A, lowest %.1f V",
		    volt(s->cvl_mv), amp(s->ccl_ma), amp(s->dcl_ma), volt(s->dvl_mv));
		break;
	case PYLON_ID_SOC:
		add(buf, size, &at, "SoC %d %%, SoH %d %%", s->soc_pct, s->soh_pct);
		break;
	case PYLON_ID_MEASURED:
		add(buf, size, &at, "%.2f V, %+.1f A, %.1f C", volt(s->pack_mv), amp(s->pack_ma),
		    s->temp_dc / 10.0);
		break;
	case PYLON_ID_ALARMS:
		add_alarms(buf, size, &at, "protection", s->protections);
		add_alarms(buf, size, &at, "warning", s->warnings);
		if (at == 0) {
			add(buf, size, &at, "no alarm");
		}
		break;
	case PYLON_ID_REQUEST:
		add(buf, size, &at, "charge %s, discharge %s%s", s->charge_enable ? "yes" : "no",
		    s->discharge_enable ? "yes" : "no", s->full_charge ? ", full charge" : "");
		break;
	case PYLON_ID_NAME:
		add(buf, size, &at, "name \"%s\"", r.name);
		break;
	case PYLON_ID_ALIVE:
		add(buf, size, &at, "inverter is alive");
		break;
	default:
		break;
	}
}

static void draw_bus(const struct demo *d)
{
	const int64_t now_ns = demo_now();
	char text[DEMO_LINE_MAX];

	for (int i = 0; i < d->frames; i++) {
		const struct demo_frame *f = &d->frame[i];

		demo_frame_text(&f->can, text, sizeof(text));
		printf(" %s%03X" PLAIN " %6.1f s %5" PRIu32 " x  %s" CLEAR_LINE,
		       now_ns - f->t_ns > ID_OLD_NS ? RED : "", f->can.can_id & CAN_SFF_MASK,
		       (double)(now_ns - f->t_ns) / (double)DEMO_NS_PER_S, f->count, text);
	}
}

static void rule_line(const char *title)
{
	printf(BOLD "-- %s " PLAIN CLEAR_LINE, title);
}

static int columns(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col < COLUMNS_MIN) {
		return COLUMNS_STD;
	}
	return w.ws_col;
}

void demo_draw(const struct demo *d)
{
	const unsigned int shown = d->lines < LOG_SHOWN ? d->lines : LOG_SHOWN;
	const int width = columns() - 2;

	printf(HOME BOLD "jkpylon demo" PLAIN "  simulated battery and inverter, bench bus, ramps "
			 "shortened   %.0f s%s" CLEAR_LINE,
	       (double)(demo_now() - d->start_ns) / (double)DEMO_NS_PER_S,
	       d->fresh ? "" : RED "   the daemon stands still" PLAIN);
	if (d->have) {
		draw_limit(&d->t, DIR_CHARGE);
		draw_limit(&d->t, DIR_DISCHARGE);
		draw_state(d);
		draw_temps(&d->t.sample);
		draw_cells(&d->t.sample);
	}
	rule_line("bus");
	draw_bus(d);
	rule_line("log");
	for (unsigned int i = d->lines - shown; i < d->lines; i++) {
		printf(" %.*s" CLEAR_LINE, width, d->line[i % DEMO_LINES]);
	}
	rule_line("faults");
	printf(" 1 BMS silent  2 noise  3 cell high  4 cold  5 unplug  6 frozen  7 inverter disobeys" CLEAR_LINE
	       " 0 heal  a acknowledge  q quit" CLEAR_LINE);
	printf(" %s%s" PLAIN "   %.*s" CLEAR_LINE, d->fault[0] != '\0' ? RED "now: " : "", d->fault,
	       width / 2, d->message);
	printf(CLEAR_BELOW);
	fflush(stdout);
}
