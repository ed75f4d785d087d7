/* SPDX-License-Identifier: Apache-2.0 */
/* Traces and records under one roof: see replay_source.h. */
#include "replay_source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "replay_config.h"

#define FILE_MAX ((size_t)80 * 1024 * 1024)
#define FIRST	 (64U * 1024U)
#define MAGIC	 6U
#define DELETE	 0x7FU

__attribute__((format(printf, 3, 4))) static int wrong(struct replay_source *s, int rc,
						       const char *format, ...)
{
	va_list ap;
	const int n = snprintf(s->error, sizeof(s->error), "%s: ", s->path);

	if (n > 0 && (size_t)n < sizeof(s->error)) {
		va_start(ap, format);
		(void)vsnprintf(s->error + n, sizeof(s->error) - (size_t)n, format, ap);
		va_end(ap);
	}
	return rc;
}

/* Return: 1 it is a record, 0 it is not, -errno. */
static int looks_like_record(const char *path)
{
	char magic[MAGIC] = "";
	FILE *f = strcmp(path, "-") == 0 ? NULL : fopen(path, "re");

	if (f == NULL) {
		return strcmp(path, "-") == 0 ? 0 : -errno;
	}
	const size_t n = fread(magic, 1, sizeof(magic), f);

	fclose(f);
	return n == sizeof(magic) && memcmp(magic, RECORD_FILE_MAGIC, MAGIC) == 0 ? 1 : 0;
}

static int read_all(struct replay_source *s, size_t *ret_len)
{
	FILE *f = fopen(s->path, "re");
	size_t room = FIRST;
	size_t len = 0;

	if (f == NULL) {
		return wrong(s, -errno, "%s", strerror(errno));
	}
	while (room <= FILE_MAX) {
		uint8_t *grown = realloc(s->bytes, room);

		if (grown == NULL) {
			break;
		}
		s->bytes = grown;
		len += fread(s->bytes + len, 1, room - len, f);
		if (len < room) {
			break;
		}
		room *= 2U;
	}
	const bool failed = ferror(f) != 0 || len == room || s->bytes == NULL;

	fclose(f);
	*ret_len = len;
	return failed ? wrong(s, -EIO, "cannot be read, or is too large") : 0;
}

/* Whether it is text: messages repeat it on a terminal. */
static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((bytes[i] < ' ' && bytes[i] != '\n') || bytes[i] == DELETE) {
			return false;
		}
	}
	return true;
}

/* The settings of a record have no line numbers of a file that somebody could look at. */
static int take_settings(struct replay_source *s)
{
	struct replay_config c;
	struct conf_error e = {0};
	unsigned long line = 0;

	if (!is_text(s->bytes + s->head.config_at, s->head.config_len)) {
		return wrong(s, -EINVAL,
			     "settings in it: control characters; no recorder wrote this");
	}
	int rc = replay_config_init(&c);
	char *text = rc == 0 ? strndup((const char *)s->bytes + s->head.config_at,
				       s->head.config_len)
			     : NULL;
	char *rest = text;

	rc = rc == 0 && text == NULL ? -ENOMEM : rc;
	for (char *l = NULL; rc == 0 && (l = strsep(&rest, "\n")) != NULL;) {
		rc = *l == '\0' ? 0 : replay_config_add(&c, l, ++line);
	}
	if (rc == 0) {
		rc = replay_config_parse(&c, &s->config, &e, &line);
	}
	if (rc == -EINVAL) {
		(void)wrong(s, rc, "settings in it: %s",
			    e.text[0] != '\0' ? e.text : "no settings");
	}
	free(text);
	replay_config_fini(&c);
	return rc;
}

static int open_record(struct replay_source *s, bool cold)
{
	size_t len = 0;
	int rc = read_all(s, &len);

	if (rc != 0) {
		return rc;
	}
	s->part = calloc(RECORD_BLOCKS_MAX, sizeof(*s->part));
	if (s->part == NULL) {
		return wrong(s, -ENOMEM, "out of memory");
	}
	rc = record_file_parse(s->bytes, len, &s->head, s->part, RECORD_BLOCKS_MAX, &s->parts);
	if (rc == -EPROTO) {
		return wrong(s, -EINVAL, "a record in a format that this version does not know");
	}
	if (rc != 0) {
		return wrong(s, -EINVAL, "%s",
			     rc == -ENODATA ? "no block of this record is whole"
					    : "a damaged record: its head is broken");
	}
	rc = take_settings(s);
	if (rc != 0) {
		return rc;
	}
	s->other = strcmp(s->head.version, JKP_VERSION) != 0;
	if (s->head.layout != record_layout() && !cold) {
		return wrong(s, -EPROTO,
			     "recorded by jkpylon %s, whose core has another state than this %s: "
			     "use its jkpylon-replay, or --cold",
			     s->head.version, JKP_VERSION);
	}
	s->complete = true;
	s->is_record = true;
	s->has_wall = s->head.wall_offset_ns != 0;
	/* The clock may have been set since the start: the newest word counts. */
	s->wall_offset_ns = s->part[s->parts - 1U].block.wall_offset_ns != 0
				    ? s->part[s->parts - 1U].block.wall_offset_ns
				    : s->head.wall_offset_ns;
	s->start_ns = s->part[0].block.first_ns;
	s->in = &s->record.item.in;
	s->out = &s->record.out;
	s->core = &s->record.core;
	record_replay_init(&s->record, &s->config.core, s->part, s->parts, cold);
	return 0;
}

static int open_trace(struct replay_source *s)
{
	const int rc = replay_trace_open(&s->trace, s->path);

	if (rc != 0) {
		snprintf(s->error, sizeof(s->error), "%s", s->trace.error);
		return rc;
	}
	s->config = s->trace.config;
	s->start_ns = s->trace.now_ns;
	s->last_ns = s->trace.now_ns;
	s->in = &s->trace_in;
	s->out = &s->trace_out;
	s->core = &s->trace_core;
	return 0;
}

int source_open(struct replay_source *s, const char *path, bool cold)
{
	memset(s, 0, sizeof(*s));
	s->path = path;
	const int rc = looks_like_record(path);

	if (rc < 0) {
		return wrong(s, rc, "%s", strerror(-rc));
	}
	return rc == 1 ? open_record(s, cold) : open_trace(s);
}

static int next_of_record(struct replay_source *s, enum source_event *ret_event)
{
	enum record_event e = RECORD_EVENT_END;
	const int rc = record_replay_next(&s->record, &e);

	if (rc != 0) {
		return wrong(s, -EINVAL, "%s",
			     rc == -EPROTO ? "a state of another size in it"
					   : "a block of it cannot be understood");
	}
	switch (e) {
	case RECORD_EVENT_STEP:
		s->differs = s->record.differs;
		*ret_event = SOURCE_STEP;
		break;
	case RECORD_EVENT_BEGIN:
		*ret_event = SOURCE_BEGIN;
		break;
	case RECORD_EVENT_GAP:
	case RECORD_EVENT_LOST:
		s->lost = e == RECORD_EVENT_LOST ? s->record.item.lost : 0U;
		*ret_event = SOURCE_LOST;
		break;
	case RECORD_EVENT_END:
	default:
		*ret_event = SOURCE_END;
		break;
	}
	return 0;
}

static int next_of_trace(struct replay_source *s, enum source_event *ret_event)
{
	struct replay_trace *t = &s->trace;
	enum replay_kind kind = REPLAY_END;

	if (!s->begun) {
		s->begun = true;
		cycle_init(&s->trace_core, &s->config.core, t->now_ns, t->boot_ns,
			   t->has_held ? &t->held : NULL);
		*ret_event = SOURCE_BEGIN;
		return 0;
	}
	if (replay_trace_next(t, &s->trace_in, &kind) != 0) {
		snprintf(s->error, sizeof(s->error), "%s", t->error);
		return -EINVAL;
	}
	s->complete = t->complete;
	if (kind == REPLAY_STEP) {
		if (s->trace_in.now_ns < s->last_ns) {
			snprintf(s->error, sizeof(s->error), "%s:%lu: time goes back", t->path,
				 t->line_no);
			return -EINVAL;
		}
		s->last_ns = s->trace_in.now_ns;
		cycle_step(&s->trace_core, &s->trace_in, &s->trace_out);
	}
	s->lost = t->lost;
	*ret_event = kind == REPLAY_STEP ? SOURCE_STEP
					 : (kind == REPLAY_LOST ? SOURCE_LOST : SOURCE_END);
	return 0;
}

int source_next(struct replay_source *s, enum source_event *ret_event)
{
	return s->is_record ? next_of_record(s, ret_event) : next_of_trace(s, ret_event);
}

int64_t source_last_ns(const struct replay_source *s)
{
	return s->is_record ? s->part[s->parts - 1U].block.last_ns : 0;
}

void source_close(struct replay_source *s)
{
	if (!s->is_record) {
		replay_trace_close(&s->trace);
	}
	free(s->bytes);
	free(s->part);
	s->bytes = NULL;
	s->part = NULL;
}
