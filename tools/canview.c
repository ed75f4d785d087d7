/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylon-canview: the frames between battery and inverter in words. */
#include "canbus.h"
#include "base/units.h"
#include "proto/pylon.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#define EXIT_USAGE  1
#define EXIT_DEVICE 2

#define PN_END		7U /* 0x359 with "PN" has this many bytes */
#define TEXT_MAX	512
#define ID_WIDTH	5U  /* an extended identifier is wider and moves the line */
#define BYTES_WIDTH	23U /* "14 02 ..." of eight bytes */
#define TABLE_ID_WIDTH	10U
#define SLOTS_MAX	64 /* identifiers in the table; more are counted as one */
#define COUNT_MAX	1000000000UL
#define SECONDS_MAX	1e9
#define REDRAW_MS	250
#define WAIT_MS		1000
#define BAD_LINES_SHOWN 10U
#define COLUMNS_DEFAULT 80U
#define NS_PER_US	1000
#define US_PER_MS	1000
#define US_PER_S	1000000

#define TERM_CLEAR    "\033[2J"
#define TERM_HOME     "\033[H"
#define TERM_CLEAR_LN "\033[K"
#define TERM_CLEAR_DN "\033[J"

struct text {
	char s[TEXT_MAX];
	size_t n;
};

/* What was seen of one identifier; key = identifier with the kernel's flags. */
struct slot {
	uint32_t key;
	unsigned long count;
	unsigned long timed; /* frames with a time; the rest is about those */
	int64_t first_us;
	int64_t last_us;
	int64_t min_us;
	int64_t max_us;
	struct can_frame last;
};

struct options {
	unsigned long count; /* 0: no end */
	int64_t limit_us;    /* 0: no end */
	bool raw;
	bool json;
	bool summary;
	bool live;
	bool lines;
	bool absolute;
};

struct view {
	struct options opt;
	const char *source;
	struct slot slots[SLOTS_MAX];
	size_t slot_count;
	unsigned long unlisted;
	unsigned long frames;
	unsigned long bad;
	bool timed; /* start_us is set */
	int64_t start_us;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, format, args);
	va_end(args);
	if (n > 0) {
		t->n = (size_t)n < sizeof(t->s) - t->n ? t->n + (size_t)n : sizeof(t->s) - 1;
	}
}

/* Fills up with spaces until the text since @start is @width long. */
static void text_pad(struct text *t, size_t start, size_t width)
{
	const size_t used = t->n - start;

	text_add(t, "%*s", used < width ? (int)(width - used) : 0, "");
}

/* ---- meaning: tables for words and JSON alike ---- */

static const struct number {
	enum pylon_frame kind;
	const char *label;
	const char *key;
	size_t offset;
	double per_unit;
	int decimals;
	const char *unit;
} numbers[] = {
	{PYLON_FRAME_LIMITS, "CVL", "cvl_mv", offsetof(struct pylon_state, cvl_mv), 1000, 1, "V"},
	{PYLON_FRAME_LIMITS, "CCL", "ccl_ma", offsetof(struct pylon_state, ccl_ma), 1000, 1, "A"},
	{PYLON_FRAME_LIMITS, "DCL", "dcl_ma", offsetof(struct pylon_state, dcl_ma), 1000, 1, "A"},
	{PYLON_FRAME_LIMITS, "DVL", "dvl_mv", offsetof(struct pylon_state, dvl_mv), 1000, 1, "V"},
	{PYLON_FRAME_SOC, "SoC", "soc_pct", offsetof(struct pylon_state, soc_pct), 1, 0, "%"},
	{PYLON_FRAME_SOC, "SoH", "soh_pct", offsetof(struct pylon_state, soh_pct), 1, 0, "%"},
	{PYLON_FRAME_MEASURED, "voltage", "pack_mv", offsetof(struct pylon_state, pack_mv), 1000, 2,
	 "V"},
	{PYLON_FRAME_MEASURED, "current", "pack_ma", offsetof(struct pylon_state, pack_ma), 1000, 1,
	 "A"},
	{PYLON_FRAME_MEASURED, "temperature", "temp_dc", offsetof(struct pylon_state, temp_dc), 10,
	 1, "C"},
	{PYLON_FRAME_INFO_V13, "capacity", "capacity_ah", offsetof(struct pylon_state, capacity_ah),
	 1, 0, "Ah"},
};

static const struct {
	uint32_t bit;
	const char *words;
	const char *key;
} alarms[] = {
	{PYLON_CELL_HIGH, "high voltage", "high_voltage"},
	{PYLON_CELL_LOW, "low voltage", "low_voltage"},
	{PYLON_TEMP_HIGH, "high temperature", "high_temperature"},
	{PYLON_TEMP_LOW, "low temperature", "low_temperature"},
	{PYLON_DISCHARGE_OC, "discharge over-current", "discharge_overcurrent"},
	{PYLON_CHARGE_OC, "charge over-current", "charge_overcurrent"},
	{PYLON_SYSTEM, "system error", "system_error"},
	{PYLON_COMM, "communication failure", "communication_failure"},
};

static const struct request {
	size_t offset;
	const char *on;
	const char *off; /* NULL: said only when on */
	const char *key;
} requests[] = {
	{offsetof(struct pylon_state, charge_enable), "charge on", "charge OFF", "charge_enable"},
	{offsetof(struct pylon_state, discharge_enable), "discharge on", "discharge OFF",
	 "discharge_enable"},
	{offsetof(struct pylon_state, force_charge_1), "force charge 1", NULL, "force_charge_1"},
	{offsetof(struct pylon_state, force_charge_2), "force charge 2", NULL, "force_charge_2"},
	{offsetof(struct pylon_state, full_charge), "full charge wanted", NULL, "full_charge"},
};

static int32_t number_of(const struct number *n, const struct pylon_report *r)
{
	int32_t v;

	memcpy(&v, (const char *)&r->state + n->offset, sizeof(v));
	return v;
}

/* The discharge voltage is the one field that a frame may lack. */
static bool has_number(const struct number *n, const struct pylon_report *r)
{
	return n->kind == r->kind &&
	       (n->offset != offsetof(struct pylon_state, dvl_mv) || r->has_dvl);
}

static bool request_of(const struct request *q, const struct pylon_report *r)
{
	bool v;

	memcpy(&v, (const char *)&r->state + q->offset, sizeof(v));
	return v;
}

static void add_alarm_words(struct text *t, const char *what, uint32_t bits)
{
	const char *separator = what;

	for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
		if ((bits & alarms[i].bit) != 0) {
			text_add(t, "%s%s", separator, alarms[i].words);
			separator = ", ";
		}
	}
	if (bits != 0) {
		text_add(t, "; ");
	}
}

static void describe_alarms(struct text *t, const struct pylon_report *r, uint8_t len)
{
	add_alarm_words(t, "PROTECTION ", r->state.protections);
	add_alarm_words(t, "warning ", r->state.warnings);
	if (r->undefined_bits != 0) {
		text_add(t, "undefined bits 0x%" PRIX32 "; ", r->undefined_bits);
	}
	if ((r->state.protections | r->state.warnings | r->undefined_bits) == 0) {
		text_add(t, "no alarm; ");
	}
	if (r->kind == PYLON_FRAME_ALARMS) {
		text_add(t, "%u module%s%s", r->state.modules, r->state.modules == 1 ? "" : "s",
			 r->pn || len < PN_END ? "" : "; not \"PN\" at the end");
	} else {
		t->n -= strlen("; ");
		t->s[t->n] = '\0';
	}
}

static void describe_report(struct text *t, const struct pylon_report *r, uint8_t len)
{
	const size_t start = t->n;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (has_number(&numbers[i], r)) {
			text_add(t, "%s%s %.*f %s", t->n > start ? "  " : "", numbers[i].label,
				 numbers[i].decimals,
				 number_of(&numbers[i], r) / numbers[i].per_unit, numbers[i].unit);
		}
	}
	switch (r->kind) {
	case PYLON_FRAME_ALARMS:
	case PYLON_FRAME_ALARMS_V13:
		describe_alarms(t, r, len);
		break;
	case PYLON_FRAME_REQUEST:
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
			const char *w = request_of(&requests[i], r) ? requests[i].on
								    : requests[i].off;

			text_add(t, "%s%s", w != NULL && t->n > start ? ", " : "",
				 w != NULL ? w : "");
		}
		if (r->undefined_bits != 0) {
			text_add(t, ", undefined bits 0x%" PRIX32, r->undefined_bits);
		}
		break;
	case PYLON_FRAME_NAME:
		text_add(t, "name \"%s\"", r->name);
		break;
	case PYLON_FRAME_INFO_V13:
		text_add(t, "  type %02X%02X  version %u.%u", r->raw[0], r->raw[1], r->raw[2],
			 r->raw[3]);
		break;
	case PYLON_FRAME_ALIVE:
		text_add(t, "alive");
		if (r->state.alive != 0) { /* an inverter sends zeros */
			text_add(t, ", counter %" PRIu32, r->state.alive);
		}
		break;
	case PYLON_FRAME_LIMITS:
	case PYLON_FRAME_SOC:
	case PYLON_FRAME_MEASURED:
	case PYLON_FRAMES:
	default:
		break;
	}
}

/* 0, or why there is no report: -ENOENT not ours, -EMSGSIZE too short. */
static int decode(const struct can_frame *f, struct pylon_report *ret_report)
{
	struct can_msg m = {.id = (uint16_t)(f->can_id & CAN_SFF_MASK), .len = f->len};

	if ((f->can_id & (CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) != 0) {
		return -ENOENT;
	}
	memcpy(m.data, f->data, f->len);
	return pylon_decode(&m, ret_report);
}

static void add_error_words(struct text *t, const struct can_frame *f)
{
	canbus_error_text(f, t->s + t->n, sizeof(t->s) - t->n);
	t->n = strlen(t->s);
}

/* Adds the meaning of a frame. */
static void describe(struct text *t, const struct can_frame *f)
{
	struct pylon_report r;

	if ((f->can_id & CAN_ERR_FLAG) != 0) {
		text_add(t, "ERROR FRAME ");
		add_error_words(t, f);
		return;
	}
	if ((f->can_id & CAN_RTR_FLAG) != 0) {
		text_add(t, "remote request");
		return;
	}
	switch (decode(f, &r)) {
	case 0:
		describe_report(t, &r, f->len);
		break;
	case -EMSGSIZE:
		text_add(t, "too short: %u bytes", f->len);
		break;
	default:
		text_add(t, "unknown");
		break;
	}
}

/* ---- one frame a line ---- */

static void add_id(struct text *t, uint32_t id)
{
	if ((id & CAN_ERR_FLAG) != 0) {
		text_add(t, "error");
	} else if ((id & CAN_EFF_FLAG) != 0) {
		text_add(t, "0x%08X", id & CAN_EFF_MASK);
	} else {
		text_add(t, "0x%03X", id & CAN_SFF_MASK);
	}
}

static void add_bytes(struct text *t, const struct can_frame *f, const char *separator)
{
	const unsigned int len = (f->can_id & CAN_RTR_FLAG) != 0 ? 0 : f->len;

	for (unsigned int i = 0; i < len; i++) {
		text_add(t, "%s%02X", i > 0 ? separator : "", f->data[i]);
	}
}

/* Seconds since 1970, or before. */
static void add_seconds(struct text *t, int64_t us)
{
	const uint64_t n = us < 0 ? -(uint64_t)us : (uint64_t)us;

	text_add(t, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", n / US_PER_S, n % US_PER_S);
}

static void add_time(struct text *t, const struct view *v, const struct canbus_frame *f)
{
	const int64_t us = (f->time_us % US_PER_S + US_PER_S) % US_PER_S;
	const time_t secs = (time_t)((f->time_us - us) / US_PER_S);
	struct tm tm;
	char date[32] = "";

	if (!f->has_time) {
		text_add(t, "%14s", "-");
	} else if (!v->opt.absolute) {
		text_add(t, "%14.6f", (double)(f->time_us - v->start_us) / US_PER_S);
	} else {
		if (localtime_r(&secs, &tm) != NULL) {
			(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		}
		text_add(t, "%s.%06d", date, (int)us);
	}
}

static void print_words(const struct view *v, const struct canbus_frame *f)
{
	struct text t = {.n = 0};
	size_t start;

	add_time(&t, v, f);
	text_add(&t, "  ");
	start = t.n;
	add_id(&t, f->can.can_id);
	text_pad(&t, start, ID_WIDTH);
	text_add(&t, "  ");
	start = t.n;
	add_bytes(&t, &f->can, " ");
	text_pad(&t, start, BYTES_WIDTH);
	text_add(&t, "  ");
	describe(&t, &f->can);
	(void)puts(t.s);
}

/* The log format of candump: what is printed here can be read here. */
static void print_raw(const struct canbus_frame *f)
{
	struct text t = {.n = 0};

	if (f->has_time) {
		text_add(&t, "(");
		add_seconds(&t, f->time_us);
		text_add(&t, ") ");
	}
	text_add(&t, "%s ", f->ifname[0] != '\0' ? f->ifname : "can0");
	if ((f->can.can_id & (CAN_EFF_FLAG | CAN_ERR_FLAG)) != 0) {
		text_add(&t, "%08X#", f->can.can_id & (CAN_ERR_FLAG | CAN_EFF_MASK));
	} else {
		text_add(&t, "%03X#", f->can.can_id & CAN_SFF_MASK);
	}
	if ((f->can.can_id & CAN_RTR_FLAG) != 0) {
		text_add(&t, "R%u", f->can.len);
	}
	add_bytes(&t, &f->can, "");
	(void)puts(t.s);
}

static void add_json_string(struct text *t, const char *s)
{
	text_add(t, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\') {
			text_add(t, "\\%c", *s);
		} else if ((unsigned char)*s < ' ' || (unsigned char)*s > '~') {
			text_add(t, "\\u%04x", (unsigned int)(unsigned char)*s);
		} else {
			text_add(t, "%c", *s);
		}
	}
	text_add(t, "\"");
}

static void add_json_alarms(struct text *t, const char *key, uint32_t bits)
{
	const char *separator = "";

	text_add(t, ",\"%s\":[", key);
	for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
		if ((bits & alarms[i].bit) != 0) {
			text_add(t, "%s\"%s\"", separator, alarms[i].key);
			separator = ",";
		}
	}
	text_add(t, "]");
}

static void add_json_report(struct text *t, const struct pylon_report *r)
{
	static const char *const kinds[PYLON_FRAMES] = {
		"alarms", "limits",	"soc",	    "measured", "request",
		"name",	  "alarms_v13", "info_v13", "alive",
	};

	text_add(t, ",\"kind\":\"%s\"", kinds[r->kind]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (has_number(&numbers[i], r)) {
			text_add(t, ",\"%s\":%" PRId32, numbers[i].key, number_of(&numbers[i], r));
		}
	}
	if (r->kind == PYLON_FRAME_ALARMS || r->kind == PYLON_FRAME_ALARMS_V13) {
		add_json_alarms(t, "protections", r->state.protections);
		add_json_alarms(t, "warnings", r->state.warnings);
	}
	if (r->kind == PYLON_FRAME_ALARMS) {
		text_add(t, ",\"modules\":%u,\"pn\":%s", r->state.modules,
			 r->pn ? "true" : "false");
	}
	for (size_t i = 0; r->kind == PYLON_FRAME_REQUEST && i < ARRAY_SIZE(requests); i++) {
		text_add(t, ",\"%s\":%s", requests[i].key,
			 request_of(&requests[i], r) ? "true" : "false");
	}
	if (r->kind == PYLON_FRAME_NAME) {
		text_add(t, ",\"name\":");
		add_json_string(t, r->name);
	}
	if (r->kind == PYLON_FRAME_INFO_V13) {
		text_add(t, ",\"type\":\"%02X%02X\",\"version\":\"%u.%u\"", r->raw[0], r->raw[1],
			 r->raw[2], r->raw[3]);
	}
	if (r->kind == PYLON_FRAME_ALIVE) {
		text_add(t, ",\"alive\":%" PRIu32, r->state.alive);
	}
	if (r->undefined_bits != 0) {
		text_add(t, ",\"undefined_bits\":%" PRIu32, r->undefined_bits);
	}
}

static void print_json(const struct canbus_frame *f)
{
	const uint32_t id = f->can.can_id;
	struct text t = {.n = 0};
	struct pylon_report r;
	const int err = decode(&f->can, &r);

	text_add(&t, "{");
	if (f->has_time) {
		text_add(&t, "\"time\":");
		add_seconds(&t, f->time_us);
		text_add(&t, ",");
	}
	if (f->ifname[0] != '\0') {
		text_add(&t, "\"if\":");
		add_json_string(&t, f->ifname);
		text_add(&t, ",");
	}
	text_add(&t, "\"id\":\"");
	add_id(&t, id);
	text_add(&t, "\",\"len\":%u,\"data\":\"", f->can.len);
	add_bytes(&t, &f->can, "");
	text_add(&t, "\"");
	if ((id & CAN_ERR_FLAG) != 0) {
		text_add(&t, ",\"kind\":\"error\",\"error\":\"");
		add_error_words(&t, &f->can); /* our own words: nothing to escape */
		text_add(&t, "\"");
	} else if ((id & CAN_RTR_FLAG) != 0) {
		text_add(&t, ",\"kind\":\"remote\"");
	} else if (err == 0) {
		add_json_report(&t, &r);
	} else {
		text_add(&t, ",\"kind\":\"%s\"", err == -EMSGSIZE ? "too_short" : "unknown");
	}
	text_add(&t, "}");
	(void)puts(t.s);
}

/* ---- the table of identifiers ---- */

/* All error frames share one slot. NULL: the table is full. */
static struct slot *find_slot(struct view *v, uint32_t id)
{
	const uint32_t key = (id & CAN_ERR_FLAG) != 0 ? CAN_ERR_FLAG : id & ~CAN_RTR_FLAG;
	size_t i = 0;

	while (i < v->slot_count && v->slots[i].key < key) {
		i++;
	}
	if (i < v->slot_count && v->slots[i].key == key) {
		return &v->slots[i];
	}
	if (v->slot_count == SLOTS_MAX) {
		return NULL;
	}
	memmove(&v->slots[i + 1], &v->slots[i], (v->slot_count - i) * sizeof(v->slots[0]));
	v->slot_count++;
	v->slots[i] = (struct slot){.key = key, .min_us = INT64_MAX, .max_us = INT64_MIN};
	return &v->slots[i];
}

static void count_frame(struct view *v, const struct canbus_frame *f)
{
	struct slot *s = find_slot(v, f->can.can_id);

	v->frames++;
	if (f->has_time) {
		if (!v->timed) {
			v->start_us = f->time_us;
			v->timed = true;
		}
	}
	if (s == NULL) {
		v->unlisted++;
		return;
	}
	if (f->has_time) {
		if (s->timed == 0) {
			s->first_us = f->time_us;
		} else {
			s->min_us = min_i64(s->min_us, f->time_us - s->last_us);
			s->max_us = max_i64(s->max_us, f->time_us - s->last_us);
		}
		s->last_us = f->time_us;
		s->timed++;
	}
	s->last = f->can;
	s->count++;
}

static double mean_ms(const struct slot *s)
{
	return (double)(s->last_us - s->first_us) / (double)(s->timed - 1) / US_PER_MS;
}

static void print_summary_json(const struct view *v)
{
	for (size_t i = 0; i < v->slot_count; i++) {
		const struct slot *s = &v->slots[i];
		struct text id = {.n = 0};

		add_id(&id, s->key);
		(void)printf("{\"summary\":\"%s\",\"count\":%lu", id.s, s->count);
		if (s->timed > 1) {
			(void)printf(",\"mean_ms\":%.3f,\"min_ms\":%.3f,\"max_ms\":%.3f",
				     mean_ms(s), (double)s->min_us / US_PER_MS,
				     (double)s->max_us / US_PER_MS);
		}
		(void)printf("}\n");
	}
}

static void add_summary_line(struct text *t, const struct slot *s)
{
	add_id(t, s->key);
	text_pad(t, 0, TABLE_ID_WIDTH);
	text_add(t, "  %7lu  ", s->count);
	if (s->timed > 1) {
		text_add(t, "%9.1f  %9.1f  %9.1f  ", mean_ms(s), (double)s->min_us / US_PER_MS,
			 (double)s->max_us / US_PER_MS);
	} else {
		text_add(t, "%9s  %9s  %9s  ", "-", "-", "-");
	}
	describe(t, &s->last);
}

static const char summary_title[] =
	"id           frames    mean ms     min ms     max ms  newest frame";

static void print_summary(const struct view *v)
{
	if (v->opt.json) {
		print_summary_json(v);
		return;
	}
	(void)printf("\n%s\n", summary_title);
	for (size_t i = 0; i < v->slot_count; i++) {
		struct text t = {.n = 0};

		add_summary_line(&t, &v->slots[i]);
		(void)puts(t.s);
	}
	if (v->unlisted > 0) {
		(void)printf("and %lu frames of other identifiers\n", v->unlisted);
	}
}

static void redraw(const struct view *v)
{
	struct winsize size = {0};
	unsigned int columns = COLUMNS_DEFAULT;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		columns = size.ws_col;
	}
	(void)printf(TERM_HOME "%.*s" TERM_CLEAR_LN "\n", (int)columns, v->source);
	(void)printf("%lu frames; Ctrl-C ends" TERM_CLEAR_LN "\n" TERM_CLEAR_LN "\n", v->frames);
	(void)printf("%.*s" TERM_CLEAR_LN "\n", (int)columns, summary_title);
	for (size_t i = 0; i < v->slot_count; i++) {
		struct text t = {.n = 0};

		add_summary_line(&t, &v->slots[i]);
		(void)printf("%.*s" TERM_CLEAR_LN "\n", (int)columns, t.s);
	}
	(void)printf(TERM_CLEAR_DN);
	(void)fflush(stdout);
}

/* ---- run ---- */

static void show(struct view *v, const struct canbus_frame *f)
{
	if (v->opt.live) {
		return;
	}
	if (v->opt.raw) {
		print_raw(f);
	} else if (v->opt.json) {
		print_json(f);
	} else {
		print_words(v, f);
	}
}

static int64_t now_us(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

/* A log has its own time: there -t means seconds of the log. */
static bool beyond_limit(const struct view *v, const struct canbus_frame *f)
{
	return v->opt.limit_us > 0 && v->timed && f->has_time &&
	       f->time_us - v->start_us > v->opt.limit_us;
}

/* Never for ever: a signal just before the wait would be seen with the next frame only. */
static int wait_ms(const struct view *v, int64_t begin_us)
{
	const int64_t ms = v->opt.live ? REDRAW_MS : WAIT_MS;
	const int64_t left = (v->opt.limit_us - (now_us() - begin_us) + US_PER_MS - 1) / US_PER_MS;

	return (int)(v->opt.limit_us > 0 ? min_i64(ms, max_i64(left, 0)) : ms);
}

static void complain(struct view *v, const struct canbus *bus)
{
	v->bad++;
	if (v->bad <= BAD_LINES_SHOWN) {
		(void)fprintf(stderr, "jkpylon-canview: %s\n", bus->why);
	} else if (v->bad == BAD_LINES_SHOWN + 1) {
		(void)fprintf(stderr, "jkpylon-canview: more such lines are not shown\n");
	}
}

/* Reads until an end is reached; 0 or the exit code of a bus that failed. */
static int watch(struct view *v, struct canbus *bus)
{
	const int64_t begin_us = now_us();
	int64_t drawn_us = begin_us - US_PER_S;
	struct canbus_frame f;

	while (stopped == 0 && (v->opt.count == 0 || v->frames < v->opt.count)) {
		const int wait = wait_ms(v, begin_us);
		const int err = canbus_read(bus, wait, &f);

		switch (-err) {
		case 0:
			if (bus->kind == CANBUS_LOG && beyond_limit(v, &f)) {
				return 0;
			}
			count_frame(v, &f);
			show(v, &f);
			break;
		case EAGAIN:
		case EINTR:
			break;
		case EBADMSG:
		case ENETDOWN:
			complain(v, bus);
			break;
		case ENODATA:
			return 0;
		default:
			(void)fprintf(stderr, "jkpylon-canview: %s\n", bus->why);
			return EXIT_DEVICE;
		}
		if (v->opt.live && now_us() - drawn_us >= REDRAW_MS * US_PER_MS) {
			redraw(v);
			drawn_us = now_us();
		}
		if (v->opt.limit_us > 0 && now_us() - begin_us >= v->opt.limit_us &&
		    (bus->kind != CANBUS_LOG || err == -EAGAIN)) {
			return 0;
		}
	}
	return 0;
}

static int judge(const struct view *v, const struct canbus *bus)
{
	if (v->frames == 0 && bus->kind == CANBUS_LOG) {
		(void)fprintf(stderr,
			      "jkpylon-canview: %s: no CAN frame in it; give a log that candump "
			      "wrote\n",
			      v->source);
		return EXIT_USAGE;
	}
	if (v->frames == 0 && stopped == 0) {
		(void)fprintf(stderr,
			      "jkpylon-canview: %s: no frame; does the daemon run, is the bit rate "
			      "500000, are CAN-H and CAN-L right and terminated?\n",
			      v->source);
		return EXIT_DEVICE;
	}
	return bus->kind == CANBUS_LOG && v->bad > 0 ? EXIT_USAGE : 0;
}

static int run(struct view *v)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	static struct canbus bus;
	int code;

	/* With SA_RESTART no output is cut; the wait, a poll(2), ends on a signal all the same. */
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	if (canbus_open(&bus, v->source) != 0) {
		(void)fprintf(stderr, "jkpylon-canview: %s\n", bus.why);
		return EXIT_DEVICE;
	}
	v->source = bus.spec;
	if (v->opt.live) {
		(void)printf(TERM_CLEAR);
	} else {
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
	}
	code = watch(v, &bus);
	if (v->opt.live) {
		redraw(v);
	}
	if (v->opt.summary) {
		print_summary(v);
	}
	if (code == 0) {
		code = judge(v, &bus);
	}
	canbus_close(&bus);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		(void)fprintf(stderr, "jkpylon-canview: cannot write the output: %s\n",
			      strerror(errno));
		code = EXIT_DEVICE;
	}
	return code;
}

/* ---- options ---- */

static const char usage_text[] =
	"usage: jkpylon-canview [options] can0|unix:PATH|FILE.log|-\n"
	"Shows the frames between battery and inverter in words.\n"
	"  -n, --count COUNT    stop after COUNT frames\n"
	"  -t, --time SECONDS   stop after SECONDS (of a log: of its own time)\n"
	"  -x, --raw            print the log format of candump, nothing else\n"
	"  -j, --json           one JSON object a line\n"
	"  -a, --absolute       date and time of day instead of seconds since the first frame\n"
	"  -s, --summary        at the end: identifiers, counts, intervals\n"
	"  -l, --live           a table that redraws (default on a terminal without options)\n"
	"  -L, --lines          one line a frame, on a terminal too\n"
	"  -h, --help           this text\n"
	"  -V, --version        version\n"
	"SocketCAN interface, bench bus of a daemon, log of candump, or - for the standard input.\n"
	"Exit: 0 good, 1 usage or unreadable lines, 2 bus or file not there, or nothing received.\n";

static int __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "jkpylon-canview: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "; try jkpylon-canview --help\n");
	return EXIT_USAGE;
}

static int parse_count(const char *s, unsigned long *ret_count)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n < 1 || n > COUNT_MAX) {
		return usage_error("-n %s: give a number of frames from 1 to %lu", s, COUNT_MAX);
	}
	*ret_count = n;
	return 0;
}

static int parse_seconds(const char *s, int64_t *ret_us)
{
	char *end;
	double d;

	errno = 0;
	d = strtod(s, &end);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || !(d >= 0.001) ||
	    !(d <= SECONDS_MAX)) {
		return usage_error("-t %s: give seconds from 0.001 to %.0f", s, SECONDS_MAX);
	}
	*ret_us = (int64_t)(d * US_PER_S);
	return 0;
}

/* 0: go on; -1: done, all is said; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"count", required_argument, NULL, 'n'},
		{"time", required_argument, NULL, 't'},
		{"raw", no_argument, NULL, 'x'},
		{"json", no_argument, NULL, 'j'},
		{"absolute", no_argument, NULL, 'a'},
		{"summary", no_argument, NULL, 's'},
		{"live", no_argument, NULL, 'l'},
		{"lines", no_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int err = 0;
	int c;

	while (err == 0 && (c = getopt_long(argc, argv, "n:t:xjaslLhV", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			err = parse_count(optarg, &o->count);
			break;
		case 't':
			err = parse_seconds(optarg, &o->limit_us);
			break;
		case 'x':
			o->raw = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'a':
			o->absolute = true;
			break;
		case 's':
			o->summary = true;
			break;
		case 'l':
			o->live = true;
			break;
		case 'L':
			o->lines = true;
			break;
		case 'h':
			(void)fputs(usage_text, stdout);
			return -1;
		case 'V':
			(void)puts("jkpylon-canview " JKP_VERSION);
			return -1;
		default: /* getopt named the option */
			(void)fprintf(stderr, "try jkpylon-canview --help\n");
			return EXIT_USAGE;
		}
	}
	if (err == 0 && o->raw + o->json + o->live + o->lines > 1) {
		return usage_error("--raw, --json, --live and --lines exclude each other");
	}
	if (err == 0 && o->raw && o->summary) {
		return usage_error("--raw prints a log and nothing else, --summary would spoil it");
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct view view;
	const int err = parse_options(argc, argv, &view.opt);

	if (err != 0) {
		return err < 0 ? 0 : err;
	}
	if (optind != argc - 1) {
		return usage_error(optind == argc ? "which bus? give can0, unix:PATH or a log"
						  : "give one bus, not %d",
				   argc - optind);
	}
	view.source = argv[optind];
	if (isatty(STDOUT_FILENO) == 0) {
		if (view.opt.live) {
			return usage_error("--live needs a terminal; use --lines");
		}
	} else if (argc == 2) { /* a log would only leave its last frames: lines for it */
		view.opt.live = canbus_is_live(view.source);
	}
	return run(&view);
}
