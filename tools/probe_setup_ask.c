/* SPDX-License-Identifier: Apache-2.0 */
/* Asking: a line, a default, the question again when the answer is none. */
#include "probe_setup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 512

/* Return: false at the end of the input. @ret_why is set if the line cannot be an answer. */
static bool read_line(char *line, size_t size, const char **ret_why)
{
	size_t len = 0;
	bool whole = true;
	int c = 0;

	*ret_why = NULL;
	while ((c = getchar()) != EOF && c != '\n') {
		if (len + 1 < size) {
			line[len++] = (char)c;
		} else {
			whole = false;
		}
		if (isprint(c) == 0 && c != '\t') {
			*ret_why = "only printable characters";
		}
	}
	while (len > 0 && isspace((unsigned char)line[len - 1]) != 0) {
		len--;
	}
	line[len] = '\0';
	const size_t blanks = strspn(line, " \t");

	memmove(line, line + blanks, len - blanks + 1);
	if (!whole) {
		*ret_why = "that is too long";
	}
	return c != EOF || len > 0;
}

/* Return: what is wrong with the answer in @line, or NULL: then it is in @ret. */
static const char *judge(const struct setup *s, const char *line, setup_check_t *good, char *ret,
			 size_t size)
{
	if (strlen(line) >= size) {
		return "that is too long";
	}
	memcpy(ret, line, strlen(line) + 1);
	return good == NULL ? NULL : good(s, ret, size);
}

int setup_ask(const struct setup *s, const char *question, const char *usual, setup_check_t *good,
	      char *ret, size_t size)
{
	char line[LINE_SIZE];
	const char *why = NULL;

	for (int i = 0; i < SETUP_TRIES; i++) {
		printf("%s%s%s%s: ", question, usual != NULL ? " [" : "",
		       usual != NULL ? usual : "", usual != NULL ? "]" : "");
		(void)fflush(stdout);
		if (s->yes) {
			printf("%s\n", usual != NULL ? usual : "");
			line[0] = '\0';
			why = NULL;
		} else if (!read_line(line, sizeof(line), &why)) {
			printf("\n");
			return -ENODATA;
		}
		if (why == NULL && line[0] == '\0') {
			if (usual == NULL && s->yes) {
				return -ENODATA;
			}
			sys_text(line, sizeof(line), "%s", usual == NULL ? "" : usual);
			why = usual == NULL ? "there is no default: please answer" : NULL;
		}
		why = why != NULL ? why : judge(s, line, good, ret, size);
		if (why == NULL) {
			return 0;
		}
		printf("  %s\n", why);
		if (s->yes) {
			return -ENODATA;
		}
	}
	return -ENODATA;
}

static const char *is_yes_or_no(const struct setup *s, char *answer, size_t size)
{
	static const char *const words[] = {"y", "Y", "yes", "Yes", "YES"};
	static const char *const others[] = {"n", "N", "no", "No", "NO"};

	(void)s;
	(void)size;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(answer, words[i]) == 0) {
			sys_text(answer, size, "y");
			return NULL;
		}
		if (strcmp(answer, others[i]) == 0) {
			sys_text(answer, size, "n");
			return NULL;
		}
	}
	return "please answer y or n";
}

int setup_ask_yes(const struct setup *s, const char *question, bool usual, bool *ret)
{
	char answer[FOUND_NAME];
	const int r = setup_ask(s, question, usual ? "y" : "n", is_yes_or_no, answer,
				sizeof(answer));

	if (r == 0) {
		*ret = answer[0] == 'y';
	}
	return r;
}
