/* SPDX-License-Identifier: Apache-2.0 */
/* The table for people: --print-config, and the key list of jkpylon.conf(5). */
#include <string.h>

#include "conf_private.h"

#define COLUMNS 98U

static bool first_of_section(size_t i)
{
	return i == 0 || strcmp(conf_keys[i].section, conf_keys[i - 1].section) != 0;
}

/* Comment lines of at most COLUMNS characters. */
static void comment(FILE *f, const char *s)
{
	size_t column = 0;

	while (*s != '\0') {
		const size_t word = strcspn(s, " ");

		if (column != 0 && column + 1 + word > COLUMNS) {
			(void)fputc('\n', f);
			column = 0;
		}
		column += (size_t)fprintf(f, "%s%.*s", column == 0 ? "# " : " ", (int)word, s);
		s += word;
		s += strspn(s, " ");
	}
	(void)fputc('\n', f);
}

void conf_print(const struct config *config, FILE *f)
{
	struct config standard;

	conf_default(&standard);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char range[CONF_VALUE_MAX] = "";
		char value[CONF_VALUE_MAX] = "";
		char fallback[CONF_VALUE_MAX] = "";
		char facts[3 * CONF_VALUE_MAX] = "";

		conf_range_format(&(struct conf_text){range, sizeof(range), 0}, k);
		conf_value_format(&(struct conf_text){value, sizeof(value), 0}, k, config);
		conf_value_format(&(struct conf_text){fallback, sizeof(fallback), 0}, k, &standard);
		if (first_of_section(i)) {
			(void)fprintf(f, "%s[%s]\n", i == 0 ? "" : "\n", k->section);
		}
		(void)fputc('\n', f);
		comment(f, k->help);
		(void)snprintf(facts, sizeof(facts), "%s%srange: %s; %s%s",
			       k->quantity ? k->quantity->what : "", k->quantity ? "; " : "", range,
			       k->required ? "no default, must be set" : "default: ",
			       k->required ? "" : fallback);
		comment(f, facts);
		(void)fprintf(f, "%s%s = %s\n", conf_is_written(k, config) ? "" : "#", k->name,
			      value);
	}
}

/* Has the key no default, or does it count that it is written down, then its value always counts. */
static bool is_lost(const struct conf_key *k, const struct config *old, const struct config *now,
		    const struct config *standard, char *ret_value)
{
	char other[CONF_VALUE_MAX] = "";
	char fallback[CONF_VALUE_MAX] = "";
	const bool written = (k->has_explicit || k->required) && conf_is_written(k, old);

	ret_value[0] = '\0';
	conf_value_format(&(struct conf_text){ret_value, CONF_VALUE_MAX, 0}, k, old);
	conf_value_format(&(struct conf_text){other, sizeof(other), 0}, k, now);
	conf_value_format(&(struct conf_text){fallback, sizeof(fallback), 0}, k, standard);
	if (written && !conf_is_written(k, now)) {
		return true;
	}
	return (written || strcmp(ret_value, fallback) != 0) && strcmp(ret_value, other) != 0;
}

uint32_t conf_print_lost(const struct config *old, const char *text, FILE *f)
{
	static struct config now;
	static struct config standard;
	struct conf_error error = {.line = 0};
	uint32_t lost = 0;

	conf_default(&standard);
	if (conf_parse(text, strlen(text), &now, &error) != 0) {
		now = standard;
	}
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char value[CONF_VALUE_MAX];

		if (is_lost(k, old, &now, &standard, value)) {
			(void)fprintf(f, "  %s.%s = %s\n", k->section, k->name, value);
			lost++;
		}
	}
	return lost;
}

/* A sentence a line, as mdoc wants it; a backslash would begin an escape. */
static void man_text(FILE *f, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\') {
			(void)fputs("\\e", f);
		} else if (s[0] == '.' && s[1] == ' ') {
			(void)fputs(".\n", f);
			s++;
		} else {
			(void)fputc(*s, f);
		}
	}
	(void)fputc('\n', f);
}

void conf_print_man(FILE *f)
{
	struct config standard;

	conf_default(&standard);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char range[CONF_VALUE_MAX] = "";
		char fallback[CONF_VALUE_MAX] = "";

		conf_range_format(&(struct conf_text){range, sizeof(range), 0}, k);
		conf_value_format(&(struct conf_text){fallback, sizeof(fallback), 0}, k, &standard);
		if (first_of_section(i)) {
			(void)fprintf(f, "%s.Ss Section %s\n.Bl -tag -width Ds\n",
				      i == 0 ? "" : ".El\n", k->section);
		}
		(void)fprintf(f, ".It Cm %s No = Ar value\n", k->name);
		man_text(f, k->help);
		(void)fprintf(f, ".br\nRange: ");
		man_text(f, range);
		(void)fprintf(f, ".br\n%s",
			      k->required ? "No default: must be set, for example " : "Default: ");
		man_text(f, fallback);
	}
	(void)fputs(".El\n", f);
}
