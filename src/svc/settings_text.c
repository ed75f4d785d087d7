/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as lines: see settings_text.h. */
#include "settings_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 128

void settings_text_write(FILE *f, const char *text, const char *prefix)
{
	char section[KEY_MAX] = "";

	while (*text != '\0') {
		const size_t len = strcspn(text, "\n");
		const char *equals = memchr(text, '=', len);

		if (*text == '[' && len >= 2U && len - 2U < sizeof(section)) {
			memcpy(section, text + 1, len - 2U);
			section[len - 2U] = '\0';
		} else if (equals != NULL && *text != '#' && *text != ';') {
			int key = (int)(equals - text);
			const char *value = equals + 1;

			while (key > 0 && text[key - 1] == ' ') {
				key--;
			}
			while (*value == ' ') {
				value++;
			}
			fprintf(f, "%s%s.%.*s=%.*s\n", prefix, section, key, text,
				(int)(text + len - value), value);
		}
		text += len;
		text += *text == '\n' ? 1 : 0;
	}
}

int settings_text_lines(const char *text, const char *prefix, char **ret_text, uint32_t *ret_len)
{
	char *lines = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&lines, &len);

	if (f == NULL) {
		return -ENOMEM;
	}
	settings_text_write(f, text, prefix);
	if (fclose(f) != 0) {
		free(lines);
		return -ENOMEM;
	}
	*ret_text = lines;
	*ret_len = (uint32_t)len;
	return 0;
}
