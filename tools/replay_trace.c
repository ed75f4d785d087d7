/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of input traces: see replay_trace.h. */
#include "replay_trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "replay_config.h"
#include "svc/trace.h"

#define FIELDS_MAX   20
#define HELD_FIELDS  19
#define PEER_FIELDS  8
#define HEX_BASE     16
#define DECIMAL_BASE 10
#define TRACE_FLAGS \
	(TRACE_TTY_OPEN | TRACE_REQUEST_FAILED | TRACE_GUARD_OK | TRACE_STOP | TRACE_RELOAD)

__attribute__((format(printf, 2, 3))) static int wrong(struct replay_trace *t, const char *format,
						       ...)
{
	va_list ap;
	const int n = snprintf(t->error, sizeof(t->error), "%s:%lu: ", t->path, t->line_no);

	if (n > 0 && (size_t)n < sizeof(t->error)) {
		va_start(ap, format);
		(void)vsnprintf(t->error + n, sizeof(t->error) - (size_t)n, format, ap);
		va_end(ap);
	}
	return -EINVAL;
}

/*
 * Next line of the file into t->line, without its end. Return: false at the end of the file, and at
 * a line without end: the recording was cut off in it.
 */
static bool read_line(struct replay_trace *t)
{
	ssize_t n = getline(&t->line, &t->line_size, t->file);

	if (n < 0) {
		return false;
	}
	t->line_no++;
	if (t->line[n - 1] != '\n') {
		return false;
	}
	n--;
	if (n > 0 && t->line[n - 1] == '\r') { /* an editor or a transfer of another system */
		n--;
	}
	t->line[n] = '\0';
	return true;
}

/* The same, but empty lines and comments are passed over. */
static bool next_line(struct replay_trace *t)
{
	if (t->pending) {
		t->pending = false;
		return true;
	}
	while (read_line(t)) {
		if (t->line[0] != '#' && t->line[0] != '\0') {
			return true;
		}
	}
	return false;
}

/* Fields behind the letter. Return: their number, -1 if the letter is not followed by a space. */
static int fields(char *line, char *ret_field[FIELDS_MAX])
{
	char *rest = line + 1;
	int n = 0;

	if (*rest == '\0') {
		return 0;
	}
	if (*rest++ != ' ') {
		return -1;
	}
	while (rest && n < FIELDS_MAX) {
		ret_field[n++] = strsep(&rest, " ");
	}
	return rest ? -1 : n;
}

static bool number(const char *text, int base, int64_t lo, int64_t hi, int64_t *ret_value)
{
	char *end = NULL;

	errno = 0;
	const long long v = strtoll(text, &end, base);

	if (end == text || *end != '\0' || errno != 0 || v < lo || v > hi) {
		return false;
	}
	*ret_value = v;
	return true;
}

static bool number32(const char *text, int32_t *ret_value)
{
	int64_t v = 0;

	if (!number(text, DECIMAL_BASE, INT32_MIN, INT32_MAX, &v)) {
		return false;
	}
	*ret_value = (int32_t)v;
	return true;
}

static bool unsigned32(const char *text, uint32_t *ret_value)
{
	int64_t v = 0;

	if (!number(text, DECIMAL_BASE, 0, UINT32_MAX, &v)) {
		return false;
	}
	*ret_value = (uint32_t)v;
	return true;
}

static bool time_ns(const char *text, int64_t *ret_ns)
{
	if (strcmp(text, "-") == 0) {
		*ret_ns = TIME_NEVER;
		return true;
	}
	return number(text, DECIMAL_BASE, INT64_MIN + 1, INT64_MAX, ret_ns);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Return: number of bytes, -1 if @text is not hexadecimal or longer than @max. */
static int hex_bytes(const char *text, uint8_t *dst, size_t max)
{
	const size_t len = strlen(text);

	if (len % 2U != 0 || len / 2U > max) {
		return -1;
	}
	for (size_t i = 0; i < len / 2U; i++) {
		const int hi = nibble(text[2U * i]);
		const int lo = nibble(text[2U * i + 1U]);

		if (hi < 0 || lo < 0) {
			return -1;
		}
		dst[i] = (uint8_t)(hi << 4 | lo);
	}
	return (int)(len / 2U);
}

static int take_bytes(struct replay_trace *t, const char *text, struct cycle_in *in)
{
	const int n = hex_bytes(text, in->rx + in->rx_len, CYCLE_RX_MAX - in->rx_len);

	if (n < 0) {
		return wrong(t, "R: expected hex digits, at most %u bytes in one step",
			     CYCLE_RX_MAX);
	}
	in->rx_len = (uint16_t)(in->rx_len + n);
	return 0;
}

/* "351#1402" and "b" or "o" */
static int take_frame(struct replay_trace *t, char *text, const char *origin, struct cycle_in *in)
{
	char *data = strchr(text, '#');
	int64_t id = 0;

	if (in->can_rx_len == CYCLE_CAN_RX_MAX) {
		return wrong(t, "F: more than %u frames in one step", CYCLE_CAN_RX_MAX);
	}
	struct can_rx *f = &in->can_rx[in->can_rx_len];

	if (data) {
		*data++ = '\0';
	}
	const int n = data ? hex_bytes(data, f->msg.data, CAN_MSG_DATA_MAX) : -1;

	if (n < 0 || !number(text, HEX_BASE, 0, CAN_MSG_ID_MAX, &id) ||
	    (strcmp(origin, "b") != 0 && strcmp(origin, "o") != 0)) {
		return wrong(t, "F: expected ID#DATA b|o");
	}
	f->msg.id = (uint16_t)id;
	f->msg.len = (uint8_t)n;
	f->origin = *origin == 'o' ? CAN_OWN : CAN_FROM_BUS;
	in->can_rx_len++;
	return 0;
}

static int take_command(struct replay_trace *t, char **field, struct cycle_in *in)
{
	if (in->command_len == CYCLE_COMMAND_MAX) {
		return wrong(t, "K: more than %u commands in one step", CYCLE_COMMAND_MAX);
	}
	struct command *c = &in->command[in->command_len];

	if (!unsigned32(field[0], &c->kind) || !number32(field[1], &c->value) ||
	    !number32(field[2], &c->ttl_ms) || !unsigned32(field[3], &c->local)) {
		return wrong(t, "K: expected four whole numbers");
	}
	in->command_len++;
	return 0;
}

static bool value32(const char *text, int32_t *ret_value)
{
	if (strcmp(text, "-") == 0) {
		*ret_value = SOURCE_NO_VALUE;
		return true;
	}
	return number32(text, ret_value);
}

static int take_grid(struct replay_trace *t, char **field)
{
	struct grid_sample g;

	if (!time_ns(field[0], &g.t_ns) || !value32(field[1], &g.power_w) ||
	    !unsigned32(field[2], &g.serial)) {
		return wrong(t, "M: expected time, power and serial number");
	}
	t->grid = g;
	return 0;
}

static int take_peer(struct replay_trace *t, char **field)
{
	struct peer_sample p;
	const bool portal = strcmp(field[0], "p") == 0;

	if ((!portal && strcmp(field[0], "l") != 0) || !time_ns(field[1], &p.t_ns) ||
	    !unsigned32(field[2], &p.source) || !unsigned32(field[3], &p.mode) ||
	    !value32(field[4], &p.current_ma) || !value32(field[5], &p.power_w) ||
	    !value32(field[6], &p.voltage_mv) || !value32(field[7], &p.soc_pct)) {
		return wrong(t, "P: expected l or p, time, source, mode and four numbers");
	}
	*(portal ? &t->peer_portal : &t->peer_local) = p;
	return 0;
}

/* One line of a step. @letter decides. */
static int take_line(struct replay_trace *t, char letter, int count, char **field,
		     struct cycle_in *in)
{
	if (letter == 'L' && count == 1 && unsigned32(field[0], &t->link)) {
		return 0;
	}
	if (letter == 'M' && count == 3) {
		return take_grid(t, field);
	}
	if (letter == 'P' && count == PEER_FIELDS) {
		return take_peer(t, field);
	}
	int64_t lost = 0;

	if (letter == 'D' && count == 1 && number(field[0], HEX_BASE, 0, UINT32_MAX, &lost)) {
		in->can_lost = (uint32_t)lost;
		return 0;
	}
	if (letter == 'G' && count == 2 && unsigned32(field[0], &t->relay) &&
	    unsigned32(field[1], &in->latch)) {
		return 0;
	}
	if (letter == 'K' && count == 4) {
		return take_command(t, field, in);
	}
	if (letter == 'F' && count == 2) {
		return take_frame(t, field[0], field[1], in);
	}
	if (letter == 'R' && count == 1) {
		return take_bytes(t, field[0], in);
	}
	return wrong(t, "line '%c' not understood", letter);
}

static int take_step(struct replay_trace *t, int count, char **field, struct cycle_in *in)
{
	int64_t flags = 0;

	memset(in, 0, sizeof(*in));
	if (count != 3 || !number(field[0], DECIMAL_BASE, 0, INT64_MAX, &in->now_ns) ||
	    !number(field[1], DECIMAL_BASE, 0, INT64_MAX, &in->boot_ns) ||
	    !number(field[2], HEX_BASE, 0, TRACE_FLAGS, &flags)) {
		return wrong(t, "S: expected two times and hexadecimal flags up to %x",
			     TRACE_FLAGS);
	}
	in->tty_open = ((uint32_t)flags & TRACE_TTY_OPEN) != 0;
	in->request_failed = ((uint32_t)flags & TRACE_REQUEST_FAILED) != 0;
	in->guard_ok = ((uint32_t)flags & TRACE_GUARD_OK) != 0;
	in->stop = ((uint32_t)flags & TRACE_STOP) != 0;
	in->reload = ((uint32_t)flags & TRACE_RELOAD) != 0;
	return 0;
}

static int rest_of_step(struct replay_trace *t, struct cycle_in *in)
{
	char *field[FIELDS_MAX];
	int rc = 0;

	while (rc == 0 && next_line(t)) {
		const char letter = t->line[0];

		if (letter == 'S' || letter == 'X' || letter == 'Z') {
			t->pending = true;
			break;
		}
		const int n = fields(t->line, field);

		rc = n < 0 ? wrong(t, "too many fields, or no space behind the letter")
			   : take_line(t, letter, n, field, in);
	}
	in->can_link = t->link;
	in->relay = t->relay;
	in->grid = t->grid;
	in->peer_local = t->peer_local;
	in->peer_portal = t->peer_portal;
	return rc;
}

int replay_trace_next(struct replay_trace *t, struct cycle_in *ret_in, enum replay_kind *ret_kind)
{
	char *field[FIELDS_MAX];

	if (!next_line(t)) {
		*ret_kind = REPLAY_END;
		return 0;
	}
	const char letter = t->line[0];
	const int n = fields(t->line, field);

	if (letter == 'Z' && n == 0) {
		t->complete = true;
		*ret_kind = REPLAY_END;
		return 0;
	}
	if (letter == 'X' && n == 1 && unsigned32(field[0], &t->lost)) {
		*ret_kind = REPLAY_LOST;
		return 0;
	}
	if (letter != 'S') {
		return wrong(t, "expected S, X or Z");
	}
	int rc = take_step(t, n, field, ret_in);

	if (rc == 0) {
		*ret_kind = REPLAY_STEP;
		rc = rest_of_step(t, ret_in);
	}
	return rc;
}

static bool take_kept(char **field, struct safety_kept *ret_kept)
{
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		if (!time_ns(field[3U + i], &ret_kept->reclose_ns[i])) {
			return false;
		}
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		if (!time_ns(field[7U + d], &ret_kept->over_ns[d]) ||
		    !time_ns(field[9U + d], &ret_kept->zero_ns[d])) {
			return false;
		}
	}
	if (!unsigned32(field[6], &ret_kept->closed) || !time_ns(field[11], &ret_kept->heard_ns)) {
		return false;
	}
	return unsigned32(field[0], &ret_kept->latched) && unsigned32(field[1], &ret_kept->level) &&
	       unsigned32(field[2], &ret_kept->tripped);
}

static int take_start(struct replay_trace *t)
{
	char *field[FIELDS_MAX];
	struct held *h = &t->held;

	if (fields(t->line, field) != 2 ||
	    !number(field[0], DECIMAL_BASE, 0, INT64_MAX, &t->now_ns) ||
	    !number(field[1], DECIMAL_BASE, 0, INT64_MAX, &t->boot_ns)) {
		return wrong(t, "I: expected two times");
	}
	if (!next_line(t)) {
		return 0;
	}
	if (t->line[0] != 'H') {
		t->pending = true;
		return 0;
	}
	if (fields(t->line, field) != HELD_FIELDS || !time_ns(field[0], &h->t_ns) ||
	    !number32(field[1], &h->pack_mv) || !number32(field[2], &h->pack_ma) ||
	    !number32(field[3], &h->temp_dc) || !number32(field[4], &h->soc_pct) ||
	    !number32(field[5], &h->cells) || !unsigned32(field[6], &h->reload) ||
	    !take_kept(&field[7], &h->kept)) {
		return wrong(t, "H: expected %d whole numbers", HELD_FIELDS);
	}
	t->has_held = true;
	return 0;
}

static int take_config(struct replay_trace *t, struct replay_config *c)
{
	struct conf_error e = {0};
	const int rc = replay_config_parse(c, &t->config, &e, &t->line_no);

	return rc == -EINVAL ? wrong(t, "%s", e.text) : rc;
}

/* "C section.key=value" */
static int add_setting(struct replay_trace *t, struct replay_config *c)
{
	const int rc = strncmp(t->line, "C ", 2) == 0
			       ? replay_config_add(c, t->line + 2, t->line_no)
			       : -EINVAL;

	return rc == -EINVAL ? wrong(t, "expected C section.key=value, or I") : rc;
}

static int read_head(struct replay_trace *t, struct replay_config *c)
{
	int rc = 0;

	if (!read_line(t) ||
	    (strcmp(t->line, TRACE_FORMAT) != 0 && strcmp(t->line, TRACE_FORMAT_1) != 0)) {
		t->line_no = 1;
		return wrong(t,
			     "no input trace: expected \"%s\" in the first line (recorder.trace "
			     "of jkpylond writes one)",
			     TRACE_FORMAT);
	}
	while (rc == 0 && next_line(t)) {
		if (t->line[0] == 'I') {
			rc = take_config(t, c);
			return rc != 0 ? rc : take_start(t);
		}
		rc = add_setting(t, c);
	}
	return rc != 0 ? rc : wrong(t, "ends before the I line");
}

int replay_trace_open(struct replay_trace *t, const char *path)
{
	struct replay_config c;

	memset(t, 0, sizeof(*t));
	t->path = path;
	t->grid = GRID_NONE;
	t->peer_local = PEER_NONE_HEARD;
	t->peer_portal = PEER_NONE_HEARD;
	t->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!t->file) {
		const int rc = -errno;

		snprintf(t->error, sizeof(t->error), "%s: %s", path, strerror(-rc));
		return rc;
	}
	int rc = replay_config_init(&c);

	if (rc == 0) {
		rc = read_head(t, &c);
	}
	replay_config_fini(&c);
	if (rc == -ENOMEM) {
		snprintf(t->error, sizeof(t->error), "out of memory");
	}
	return rc;
}

void replay_trace_close(struct replay_trace *t)
{
	if (t->file && t->file != stdin) {
		fclose(t->file);
	}
	t->file = NULL;
	free(t->line);
	t->line = NULL;
}
