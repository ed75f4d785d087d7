/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The example file and the manual page say what the table of keys says. With --update as argument
 * the key list of the manual page is written anew from the table.
 */
#include "conf_help.h"

#define EXAMPLE	  JKP_SOURCE_DIR "/systemd/jkpylon.conf"
#define MAN	  JKP_SOURCE_DIR "/systemd/jkpylon.conf.5"
#define BEGIN	  ".\\\" keys begin"
#define END	  ".\\\" keys end"
#define FILE_SIZE (1024U * 1024U)

static char *load(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, FILE_SIZE);

	if (!f) {
		fail_msg("%s: %s", path, strerror(errno));
	}
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_SIZE - 1, f) > 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *man_keys(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	conf_print_man(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_example_file_gives_the_defaults(void **state)
{
	struct config want;
	struct config got;
	struct conf_error e = {0};

	(void)state;
	if (conf_read(EXAMPLE, &got, &e) != 0) {
		fail_msg(EXAMPLE ":%d: %s", e.line, e.text);
	}
	base_config(&want);
	assert_memory_equal(&want, &got, sizeof(got));
}

static void test_example_file_shows_every_key_with_its_default(void **state)
{
	char *text = load(EXAMPLE);
	struct config standard;

	(void)state;
	base_config(&standard);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char section[CONF_KEY_NAME_MAX + 4];
		char line[CONF_VALUE_MAX + CONF_KEY_NAME_MAX + 8];
		char value[CONF_VALUE_MAX] = "";
		const char *at = NULL;
		const char *end = NULL;
		const char *found = NULL;

		conf_value_format(&(struct conf_text){value, sizeof(value), 0}, k, &standard);
		(void)snprintf(section, sizeof(section), "\n[%s]\n", k->section);
		(void)snprintf(line, sizeof(line), "\n%s%s = %s\n", k->required ? "" : "#", k->name,
			       value);
		at = strstr(text, section);
		assert_non_null(at);
		end = strstr(at + 1, "\n[");
		found = strstr(at, line);
		if (!found || (end && found > end)) {
			fail_msg("%s: section [%s] lacks the line: %s", EXAMPLE, k->section, line);
		}
	}
	free(text);
}

/* Each commented setting is one that would be accepted: the comment sign is all that is off. */
static void test_example_file_is_right_with_all_comments_opened(void **state)
{
	char *text = load(EXAMPLE);
	char *out = calloc(1, FILE_SIZE);
	size_t used = 0;
	struct config want;
	struct config got;

	(void)state;
	assert_non_null(out);
	for (const char *s = text; *s != '\0'; s++) {
		const bool at_start = s == text || s[-1] == '\n';

		if (!(at_start && s[0] == '#' && s[1] >= 'a' && s[1] <= 'z')) {
			out[used++] = *s;
		}
	}
	base_config(&want);
	want.core.max_explicit[DIR_CHARGE] = true;
	want.core.max_explicit[DIR_DISCHARGE] = true;
	want.interlock_explicit = true;
	expect_accepted(out, &got);
	assert_memory_equal(&want, &got, sizeof(got));
	free(out);
	free(text);
}

static void test_manual_page_holds_the_key_list(void **state)
{
	char *page = load(MAN);
	char *keys = man_keys();
	const char *begin = strstr(page, BEGIN);
	const char *end = strstr(page, END);

	(void)state;
	assert_non_null(begin);
	assert_non_null(end);
	begin = strchr(begin, '\n') + 1;
	if ((size_t)(end - begin) != strlen(keys) || memcmp(begin, keys, strlen(keys)) != 0) {
		fail_msg("%s differs from src/conf/table.c: run conf_docs_test --update", MAN);
	}
	for (size_t i = 0; i < conf_key_count; i++) {
		char item[CONF_KEY_NAME_MAX + 16];

		(void)snprintf(item, sizeof(item), ".It Cm %s ", conf_keys[i].name);
		assert_non_null(strstr(begin, item));
	}
	free(keys);
	free(page);
}

static int update(void)
{
	char *page = load(MAN);
	char *keys = man_keys();
	const char *begin = strchr(strstr(page, BEGIN), '\n') + 1;
	const char *end = strstr(page, END);
	FILE *f = fopen(MAN, "we");

	if (!f || fprintf(f, "%.*s%s%s", (int)(begin - page), page, keys, end) < 0 ||
	    fclose(f) != 0) {
		(void)fprintf(stderr, "%s: %s\n", MAN, strerror(errno));
		return 1;
	}
	free(keys);
	free(page);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_file_gives_the_defaults),
		cmocka_unit_test(test_example_file_shows_every_key_with_its_default),
		cmocka_unit_test(test_example_file_is_right_with_all_comments_opened),
		cmocka_unit_test(test_manual_page_holds_the_key_list),
	};

	if (argc == 2 && strcmp(argv[1], "--update") == 0) {
		return update();
	}
	return cmocka_run_group_tests_name("conf/docs", tests, NULL, NULL);
}
