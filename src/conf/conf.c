/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the file to struct config. libinih splits lines into keys and values; what it would pass
 * over in silence is checked here, line by line, before it sees them: over-long lines (it cuts
 * them), text behind a section header, sections without keys, indented lines (it takes them as a
 * continuation of the line before). So the number of the line is known here too.
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "conf_private.h"

#define BOM	"\xEF\xBB\xBF"
#define BLANKS	" \t"
#define DELETE	0x7F
#define CONTROL 0x20 /* characters below are control characters */
#define QUOTE	60   /* characters of a user's text that a message repeats */

/**
 * struct parser - one run over the text
 * @next, @end: what is still to be read
 * @line: number of the line handed out last
 * @failed: @error is filled; nothing more is read
 * @key_line: line on which each key of the table was given, 0 = not
 */
struct parser {
	const char *next;
	const char *end;
	int line;
	bool failed;
	bool oom;
	bool look; /* at the files that the settings name */
	struct config config;
	struct conf_error error;
	int key_line[CONF_KEYS_MAX];
};

static struct conf_text error_text(struct conf_error *e)
{
	e->text[0] = '\0';
	return (struct conf_text){e->text, sizeof(e->text), 0};
}

static void fail(struct parser *p, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct parser *p, int line, const char *format, ...)
{
	struct conf_text t = error_text(&p->error);
	va_list args;

	va_start(args, format);
	conf_text_vadd(&t, format, args);
	va_end(args);
	p->error.line = line;
	p->failed = true;
}

/* @s = "[...": what libinih would not judge. Return: false if the line is wrong. */
static bool section_line_ok(struct parser *p, const char *s, size_t len)
{
	const char *close = memchr(s, ']', len);
	char name[CONF_KEY_NAME_MAX] = "";

	if (!close) {
		fail(p, p->line, "the section header \"%.*s\" lacks its ]",
		     (int)min_i32((int)len, QUOTE), s);
		return false;
	}

	const size_t name_len = (size_t)(close - s) - 1;

	if (name_len + 2 != len) {
		fail(p, p->line, "text behind the section header: write it on a line of its own");
		return false;
	}
	if (name_len < sizeof(name)) {
		memcpy(name, s + 1, name_len);
	}
	if (!conf_section_known(name)) {
		fail(p, p->line, "unknown section [%.*s]", (int)min_i32((int)name_len, QUOTE),
		     s + 1);

		struct conf_text t = {p->error.text, sizeof(p->error.text), strlen(p->error.text)};

		conf_suggest_section(&t, name);
		return false;
	}
	return true;
}

/* Cuts a comment and blanks off both ends of the line [*s, *s + *len). */
static void strip(const char **s, size_t *len)
{
	size_t n = 0;

	while (*len > 0 && strchr(BLANKS, **s)) {
		(*s)++;
		(*len)--;
	}
	/* A comment begins the line or follows a blank; a path may hold a '#'. */
	while (n < *len &&
	       !(((*s)[n] == '#' || (*s)[n] == ';') && (n == 0 || strchr(BLANKS, (*s)[n - 1])))) {
		n++;
	}
	while (n > 0 && strchr(BLANKS "\r", (*s)[n - 1])) {
		n--;
	}
	*len = n;
}

/* Hands libinih one line of at most @size - 1 characters; NULL at the end or after a fault. */
static char *next_line(char *buf, int size, void *user)
{
	struct parser *p = user;
	const char *s = p->next;

	if (p->failed || s >= p->end) {
		return NULL;
	}

	const char *newline = memchr(s, '\n', (size_t)(p->end - s));
	size_t len = (size_t)((newline ? newline : p->end) - s);

	p->next = newline ? newline + 1 : p->end;
	p->line++;
	strip(&s, &len);
	if (size < 2 || len > (size_t)size - 2) {
		fail(p, p->line, "the line is too long: at most %d characters without the comment",
		     size - 2);
		return NULL;
	}
	if (len > 0 && s[0] == '[' && !section_line_ok(p, s, len)) {
		return NULL;
	}
	memcpy(buf, s, len);
	buf[len] = '\0';
	return buf;
}

static int refuse_key(struct parser *p, const char *section, const char *name)
{
	if (section[0] == '\0') {
		fail(p, p->line, "\"%.*s\" stands before the first section: add a line like [bms]",
		     QUOTE, name);
		return 0;
	}
	fail(p, p->line, "unknown key %s.%.*s", section, QUOTE, name);

	struct conf_text t = {p->error.text, sizeof(p->error.text), strlen(p->error.text)};

	conf_suggest_key(&t, section, name);
	return 0;
}

/* libinih: one key. Return: 0 = error. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	const struct conf_key *k = NULL;
	char why[CONF_REASON_MAX] = "";
	struct conf_text reason = {why, sizeof(why), 0};

	if (p->failed) {
		return 0;
	}
	k = conf_key_find(section, name);
	if (!k) {
		return refuse_key(p, section, name);
	}

	int *line = &p->key_line[k - conf_keys];

	if (*line != 0) {
		fail(p, p->line, "%s.%s is given twice, first on line %d: remove one", section,
		     name, *line);
		return 0;
	}
	*line = p->line;
	if (conf_value_parse(k, value, &p->config, &reason) != 0) {
		fail(p, p->line, "%s.%s = %.*s: %s", section, name, QUOTE, value, why);
		return 0;
	}
	return 1;
}

/*
 * Only text may stand in the file: libinih ends at a NUL, and a terminal obeys control codes.
 * Return: number of the last line, 0 if a byte is refused.
 */
static int judge_bytes(struct parser *p, const char *text, size_t len)
{
	int line = 1;

	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c == '\n') {
			line++;
		} else if (c == '\0') {
			fail(p, line, "NUL byte: this is no text file");
			return 0;
		} else if (c == '\r' && (i + 1 >= len || text[i + 1] == '\n')) {
			continue; /* line end of another system */
		} else if ((c < CONTROL && c != '\t') || c == DELETE) {
			fail(p, line, "control character 0x%02x: remove it", (unsigned int)c);
			return 0;
		}
	}
	return line;
}

static bool bytes_ok(struct parser *p, const char *text, size_t len)
{
	const bool large = len > CONF_FILE_MAX;
	const int line = judge_bytes(p, text, large ? CONF_FILE_MAX : len);

	if (line != 0 && large) {
		fail(p, line, "the file is larger than %u KiB: this is no configuration file",
		     CONF_FILE_MAX / 1024U);
	}
	return !p->failed;
}

/* Numbers of the damping, in the same way. */
static void apply_damping(struct parser *p)
{
	struct core_config preset;

	core_config_default(&preset);
	core_config_damping(&preset, p->config.core.damping.preset);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		const size_t at = k->offset - offsetof(struct config, core);

		if (strcmp(k->section, "damping") == 0 && p->key_line[i] == 0) {
			memcpy((unsigned char *)&p->config + k->offset,
			       (const unsigned char *)&preset + at,
			       k->type == CONF_BOOL ? sizeof(bool) : sizeof(int32_t));
		}
	}
}

/* Curves that the file does not give come from the preset, wherever the file names it. */
static void apply_preset(struct parser *p)
{
	struct core_config preset;

	core_config_default(&preset);
	core_config_preset(&preset, p->config.preset);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];

		if (k->type == CONF_CURVE && p->key_line[i] == 0) {
			const size_t at = k->offset - offsetof(struct config, core);

			memcpy((unsigned char *)&p->config + k->offset,
			       (const unsigned char *)&preset + at, sizeof(struct curve));
		}
	}
}

static bool required_ok(struct parser *p)
{
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];

		if (k->required && p->key_line[i] == 0) {
			fail(p, 0, "%s.%s is missing; write for example %s = %s in section [%s]",
			     k->section, k->name, k->name, k->example, k->section);
			return false;
		}
	}
	return true;
}

/* Row of "section.key"; conf_key_count if there is none. */
static size_t key_index(const char *full)
{
	for (size_t i = 0; full && i < conf_key_count; i++) {
		const size_t len = strlen(conf_keys[i].section);

		if (strncmp(full, conf_keys[i].section, len) == 0 && full[len] == '.' &&
		    strcmp(full + len + 1, conf_keys[i].name) == 0) {
			return i;
		}
	}
	return conf_key_count;
}

/* "charge.bulk (3.45V, line 7)" */
static void add_key(struct conf_text *t, const struct parser *p, size_t i)
{
	const struct conf_key *k = &conf_keys[i];
	char value[CONF_VALUE_MAX] = "";

	conf_value_format(&(struct conf_text){value, sizeof(value), 0}, k, &p->config);
	conf_text_add(t, "%s.%s (%.*s, ", k->section, k->name, QUOTE, value);
	if (p->key_line[i] != 0) {
		conf_text_add(t, "line %d)", p->key_line[i]);
	} else {
		const bool preset = k->type == CONF_CURVE || strcmp(k->section, "damping") == 0;

		conf_text_add(t, "%s)", preset ? "preset" : "default");
	}
}

static bool rules_ok(struct parser *p)
{
	struct config_fault f;

	if (conf_check(&p->config, &f) == 0 &&
	    (!p->look || conf_check_files(&p->config, &f) == 0)) {
		return true;
	}

	struct conf_text t = error_text(&p->error);
	const size_t a = key_index(f.key_a);
	const size_t b = key_index(f.key_b);

	p->failed = true;
	p->error.line = 0;
	if (a < conf_key_count) {
		add_key(&t, p, a);
		p->error.line = p->key_line[a];
	}
	if (b < conf_key_count) {
		conf_text_add(&t, " against ");
		add_key(&t, p, b);
		p->error.line = max_i32(p->error.line, p->key_line[b]);
	}
	conf_text_add(&t, ": %s", f.text);
	return false;
}

static void run(struct parser *p, const char *text, size_t len)
{
	if (!bytes_ok(p, text, len)) {
		return;
	}
	if (len >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0) {
		text += strlen(BOM);
		len -= strlen(BOM);
	}
	p->next = text;
	p->end = text + len;

	const int r = ini_parse_stream(next_line, p, on_key, p);

	/* A line that libinih could not split comes before the fault we saw ourselves, or is it. */
	if (r > 0 && (!p->failed || r < p->error.line)) {
		fail(p, r, "neither [section] nor key = value nor a # comment");
	} else if (r < 0 && !p->failed) {
		fail(p, 0, "not enough memory to read the file");
		p->oom = true;
	}
	if (!p->failed && required_ok(p)) {
		apply_preset(p);
		apply_damping(p);
		(void)rules_ok(p);
	}
}

static int parse(const char *text, size_t len, bool look, struct config *ret_config,
		 struct conf_error *ret_error)
{
	struct parser p = {.look = look};

	conf_default(&p.config);
	run(&p, text, len);
	if (p.failed) {
		*ret_error = p.error;
		return p.oom ? -ENOMEM : -EINVAL;
	}
	*ret_config = p.config;
	return 0;
}

int conf_parse(const char *text, size_t len, struct config *ret_config,
	       struct conf_error *ret_error)
{
	return parse(text, len, false, ret_config, ret_error);
}

int conf_parse_here(const char *text, size_t len, struct config *ret_config,
		    struct conf_error *ret_error)
{
	return parse(text, len, true, ret_config, ret_error);
}
